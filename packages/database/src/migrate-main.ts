import { migrate } from "./migrate.js";

const url = process.env.DATABASE_URL;
if (url === undefined) {
  console.error("DATABASE_URL is not set");
  process.exit(2);
}
const applied = await migrate(url);
console.log(applied.length === 0 ? "the database is up to date" : `applied ${applied.join(", ")}`);
