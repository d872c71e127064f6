DROP TABLE IF EXISTS enriched;
CREATE TABLE enriched AS
SELECT p.id, p.region, p.exposure,
       CASE WHEN p.age < 25 THEN 'young' WHEN p.age < 60 THEN 'middle' ELSE 'old' END AS age_band,
       COUNT(c.id) AS claims, COALESCE(SUM(c.paid), 0) AS paid
FROM policies p LEFT JOIN claims c ON c.policy = p.id
GROUP BY p.id;
