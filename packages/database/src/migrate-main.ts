import { readFileSync } from "node:fs";
import { migrate } from "./migrate.js";

const { DATABASE_URL, DATABASE_URL_FILE } = process.env;
const url = DATABASE_URL ?? (DATABASE_URL_FILE && readFileSync(DATABASE_URL_FILE, "utf8").trim());
if (!url) {
  console.error("neither DATABASE_URL nor DATABASE_URL_FILE is set");
  process.exit(2);
}
const applied = await migrate(url);
console.log(applied.length === 0 ? "the database is up to date" : `applied ${applied.join(", ")}`);
