DROP TABLE IF EXISTS features;
CREATE TABLE features AS
SELECT region, age_band, SUM(exposure) AS exposure, SUM(claims) AS claims, SUM(paid) AS paid
FROM enriched GROUP BY region, age_band;
