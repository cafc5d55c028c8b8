// node infra/compose/make-secrets.mjs   makes the secrets that docker-compose.yml mounts; what is there already stays
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? join(import.meta.dirname, "secrets");
mkdirSync(folder, { recursive: true, mode: 0o700 });

/** The folder is its owner's alone; the files must be readable for the users that the containers run as. */
function secret(name, make) {
  const file = join(folder, name);
  if (!existsSync(file)) {
    writeFileSync(file, `${make()}\n`, { mode: 0o444 });
    console.log(`made ${file}`);
  }
  return readFileSync(file, "utf8").trim();
}

const password = secret("postgres_password", () => randomBytes(24).toString("base64url"));
secret("database_url", () => `postgresql://granary:${encodeURIComponent(password)}@postgres:5432/granary`);
// Without these, objects that were encrypted under them cannot be read any more: keep a copy elsewhere.
secret("key_encryption_keys", () => `first:${randomBytes(32).toString("base64")}`);
// What operators show to the gateway: name=token, separated by commas.
secret("operator_tokens", () => `operator=${randomBytes(24).toString("base64url")}`);
// For the user admin of Grafana.
secret("grafana_password", () => randomBytes(18).toString("base64url"));
// Keys of the development chain, public knowledge. For a chain with money, write your gateway's mnemonic instead.
secret("gateway_mnemonic", () => "//Granary//gateway");
secret("miner_funding_uri", () => "//Alice");
