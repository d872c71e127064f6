// Takes pictures of pages: node pictures.mjs BASE DIR [NAME=PATH]... ; each at 1440, at 390, and in the dark.
// ONLY=-390 (or -dark, or empty) takes one of the three; COOKIE is the session's.
import { Browser } from "./browser.mjs";

const [base, dir, ...wanted] = process.argv.slice(2);
const browser = await Browser.start();
try {
  for (const one of wanted) {
    const [name, ...rest] = one.split("=");
    for (const [suffix, view] of [["", {}], ["-390", { width: 390, height: 844 }], ["-dark", { dark: true }]]) {
      if (process.env.ONLY !== undefined && process.env.ONLY !== suffix) continue;
      const page = await browser.page(view);
      if (process.env.COOKIE) await page.call("Network.setCookie", { url: base, name: "onebox_session", value: process.env.COOKIE });
      await page.open(`${base}/${rest.join("=")}`);
      await page.settled().catch((e) => console.error(name, e.message));
      await new Promise((done) => setTimeout(done, 400));
      const wide = await page.eval("document.documentElement.scrollWidth - innerWidth");
      if (wide > 0) console.error(`${name}${suffix}: ${wide} px too wide`);
      for (const e of page.errors) console.error(`${name}${suffix}: ${e}`);
      await page.picture(`${dir}/${name}${suffix}.png`);
    }
  }
} finally {
  await browser.stop();
}
