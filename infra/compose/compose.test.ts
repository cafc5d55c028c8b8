import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { settings as chainIndexer } from "../../apps/chain-indexer/src/config.js";
import { settings as devChain } from "../../apps/dev-chain/src/config.js";
import { gatewaySettings } from "../../apps/ingest-gateway/src/config.js";
import { settings as preprocessor } from "../../apps/preprocessor/src/config.js";
import { settings as retrieval } from "../../apps/retrieval/src/config.js";
import { settings as scheduler } from "../../apps/scheduler/src/config.js";
import { settings as storageMiner } from "../../apps/storage-miner/src/config.js";

/** What is asked of a zod schema here. */
interface Setting {
  readonly def: unknown;
  meta(): Readonly<Record<string, unknown>> | undefined;
}
interface Settings {
  readonly shape: Readonly<Record<string, Setting>>;
  safeParse(values: unknown): { readonly error?: { readonly issues: readonly unknown[] } | undefined };
}

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly args: { readonly APP: string } };
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const root = join(import.meta.dirname, "..", "..");
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
const compose = parse(read("docker-compose.yml"), { merge: true }) as Compose;
const dockerfile = read("infra", "docker", "Dockerfile");
const services = Object.entries(compose.services);
const settingsOf: Record<string, Settings> = {
  "chain-indexer": chainIndexer,
  "dev-chain": devChain,
  "ingest-gateway": gatewaySettings,
  preprocessor,
  retrieval,
  scheduler,
  "storage-miners": storageMiner,
};
const apps = Object.entries(settingsOf).map(([name, settings]) => {
  const service = compose.services[name] as ComposeService;
  return { name, settings, service, environment: service.environment ?? {} };
});

const secretsFolder = mkdtempSync(join(tmpdir(), "granary-compose-"));
execFileSync(process.execPath, [join(root, "infra/compose/make-secrets.mjs"), secretsFolder], { stdio: "ignore" });
afterAll(() => rmSync(secretsFolder, { recursive: true, force: true }));

/** What the service reads: the values of its variables, and of the files that they name. */
const valuesOf = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) =>
      name.endsWith("_FILE")
        ? [name.slice(0, -"_FILE".length), readFileSync(join(secretsFolder, secretIn(value)), "utf8").trim()]
        : [name, value],
    ),
  );
const secretIn = (path: string): string => /^\/run\/secrets\/([a-z_]+)$/.exec(path)?.[1] ?? `not a secret: ${path}`;
/** Some layer of a setting (what a default wraps, what a transformation reads) is marked secret. */
const isSecret = (schema: Setting): boolean => {
  const { innerType, in: input } = schema.def as { innerType?: Setting; in?: Setting };
  const inner = innerType ?? input;
  return schema.meta()?.secret === true || (inner !== undefined && isSecret(inner));
};
const portOf = ({ environment }: ComposeService) => environment?.HTTP_PORT ?? environment?.MINER_ADMIN_PORT;

describe("docker-compose.yml", () => {
  it("has every app that is a service", () => {
    const built = new Set(services.map(([, { build }]) => build?.args.APP).filter((app) => app !== undefined));
    const names = Object.keys(settingsOf).map((name) => (name === "storage-miners" ? "storage-miner" : name));
    expect([...built].sort()).toEqual(names.sort());
  });

  it.each(apps)("gives $name no variable that is not one of its settings", ({ settings, environment }) => {
    const unknown = Object.keys(environment).filter((name) => !(name.replace(/_FILE$/, "") in settings.shape));
    expect(unknown).toEqual([]);
  });

  it.each(apps)("gives $name all that it requires, in values that it takes", ({ settings, environment }) => {
    expect(settings.safeParse(valuesOf(environment)).error?.issues ?? []).toEqual([]);
  });

  const haveSecrets = apps.filter(({ settings }) => Object.values(settings.shape).some(isSecret));
  it.each(haveSecrets)("gives $name no secret in clear", ({ settings, environment }) => {
    const inClear = Object.entries(environment).filter(
      ([name, value]) =>
        name in settings.shape &&
        isSecret(settings.shape[name] as Setting) &&
        !(URL.canParse(value) && new URL(value).username === "" && new URL(value).password === ""),
    );
    expect(inClear).toEqual([]);
  });

  it("has no variable that sounds like a secret and is not a file", () => {
    const names = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(
      names.filter(
        (name) => !name.endsWith("_FILE") && /PASSWORD|SECRET|MNEMONIC|TOKEN|_KEY|_URI$|DATABASE_URL$/.test(name),
      ),
    ).toEqual([]);
  });

  it("mounts every secret that a variable names, and no other", () => {
    for (const [name, { environment = {}, secrets = [] }] of services) {
      const named = Object.entries(environment).flatMap(([key, value]) =>
        key.endsWith("_FILE") ? secretIn(value) : [],
      );
      expect([name, ...secrets].sort()).toEqual([name, ...named].sort());
      for (const secret of secrets) expect(compose.secrets[secret]?.file).toBe(`./infra/compose/secrets/${secret}`);
    }
  });

  it("waits only for services that are there, in a way in which they can be waited for", () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [target, { condition }] of Object.entries(depends_on)) {
        const other = compose.services[target];
        const isFitting =
          condition === "service_completed_successfully"
            ? other?.restart === "on-failure"
            : condition === "service_healthy" && other?.healthcheck?.test !== undefined;
        expect({ name, target, isFitting }).toEqual({ name, target, isFitting: true });
      }
    }
  });

  it("lets every service reach the services that its variables name, and wait for them", () => {
    for (const [name, { environment = {}, networks = [], depends_on = {} }] of services) {
      const values = Object.values(valuesOf(name === "postgres" ? {} : environment));
      const hosts = values.flatMap((value) =>
        /^(ws|https?|nats|redis|postgresql):/.test(value) ? new URL(value).hostname : [],
      );
      for (const host of hosts.filter((one) => one !== "127.0.0.1")) {
        const shared = compose.services[host]?.networks?.filter((network) => networks.includes(network)) ?? [];
        expect({ name, host, canReach: shared.length > 0 }).toEqual({ name, host, canReach: true });
        const isWaitedFor = host in depends_on || (host === "postgres" && "migrate" in depends_on);
        expect({ name, host, isWaitedFor }).toEqual({ name, host, isWaitedFor: true });
      }
    }
  });

  it("builds every image from the one Dockerfile, for an app that exists", () => {
    for (const [name, { build, image }] of services) {
      if (build === undefined) continue;
      const isThere = existsSync(join(root, "apps", build.args.APP, "src", "main.ts"));
      const { context, dockerfile: file } = build;
      const expected = { name, context: ".", file: "infra/docker/Dockerfile", isThere: true };
      expect({ name, context, file, isThere }).toEqual(expected);
      expect(image).toMatch(/^granary\//);
    }
  });

  it("pins every image by a version", () => {
    for (const [name, { image }] of services)
      expect(`${name} ${image}`).toMatch(/^\S+ [\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?$/);
  });

  it("restarts everything, and asks everything that serves for its health", () => {
    for (const [name, { restart, healthcheck }] of services) {
      const isJob = name === "migrate";
      expect({ name, restart }).toEqual({ name, restart: isJob ? "on-failure" : "unless-stopped" });
      expect({ name, isAsked: (healthcheck?.test?.length ?? 0) > 1 }).toEqual({ name, isAsked: !isJob });
    }
  });

  it("publishes the gateway and Grafana, on loopback, and nothing else", () => {
    const published = services.filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ["ingest-gateway", ["127.0.0.1:8080:8080"]],
      ["grafana", ["127.0.0.1:3000:3000"]],
    ]);
  });

  it("closes every network but the published port's", () => {
    const open = Object.entries(compose.networks).filter(([, network]) => network?.internal !== true);
    expect(open.map(([name]) => name)).toEqual(["edge"]);
    const there = services.filter(([, { networks = [] }]) => networks.includes("edge"));
    expect(there.map(([name]) => name)).toEqual(["ingest-gateway", "grafana"]);
  });

  it("shares the staging volume among those that read staged bytes, and no other volume", () => {
    const users = new Map<string, string[]>();
    for (const [name, { volumes = [] }] of services) {
      for (const volume of volumes.filter((one) => !one.startsWith("."))) {
        const source = volume.split(":")[0] as string;
        users.set(source, [...(users.get(source) ?? []), name]);
      }
    }
    expect([...users.keys()].sort()).toEqual(Object.keys(compose.volumes).sort());
    expect(users.get("staging")?.sort()).toEqual(["ingest-gateway", "preprocessor", "retrieval", "scheduler"]);
    for (const [volume, names] of users) if (volume !== "staging") expect(names).toHaveLength(1);
  });

  it.each(apps)(
    "gives $name a volume for each of its folders, and no other place to write",
    ({ service, environment }) => {
      const mounted = (service.volumes ?? []).map((volume) => volume.split(":")[1]);
      const folders = Object.entries(environment).flatMap(([name, value]) => (name.endsWith("_DIR") ? value : []));
      expect(mounted.sort()).toEqual(folders.sort());
      expect(service.read_only).toBe(true);
      const made = /mkdir -p ([^&]*)/.exec(dockerfile)?.[1]?.split(" ") ?? [];
      for (const folder of folders) expect(made).toContain(folder.replace("/var/lib/", ""));
    },
  );

  it("makes the brokers keep what they have acknowledged", () => {
    expect(read("infra", "nats", "nats.conf")).toMatch(/^ {2}sync_interval: always$/m);
    expect([compose.services.redis?.command].flat().join(" ")).toMatch(
      /--appendonly yes .*--maxmemory-policy noeviction/,
    );
  });
});

describe("infra/prometheus/prometheus.yml", () => {
  interface Scrape {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }
  const { scrape_configs } = parse(read("infra", "prometheus", "prometheus.yml")) as { scrape_configs: Scrape[] };

  it("scrapes every service that serves metrics, where it serves them, and nothing else", () => {
    const granary = scrape_configs.filter(({ job_name }) => job_name === "granary");
    const targets = granary.flatMap(({ static_configs }) => static_configs.flatMap((one) => one.targets));
    const wanted = services.flatMap(([name, service]) =>
      portOf(service) === undefined ? [] : `${name}:${portOf(service)}`,
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect([...targets].sort()).toEqual(wanted.sort());
  });

  it("is asked by Grafana, whose provisioned folders are mounted where its provisioning says", () => {
    const { grafana, prometheus } = compose.services;
    expect(grafana?.networks?.some((network) => prometheus?.networks?.includes(network))).toBe(true);
    const { datasources } = parse(read("infra/grafana/provisioning/datasources/prometheus.yml"));
    expect(datasources[0].url).toBe("http://prometheus:9090");
    const { providers } = parse(read("infra/grafana/provisioning/dashboards/granary.yml"));
    expect(grafana?.volumes).toContain(`./infra/grafana/dashboards:${providers[0].options.path}:ro`);
    expect(grafana?.volumes).toContain("./infra/grafana/provisioning:/etc/grafana/provisioning:ro");
  });

  it("is on a network with each of them", () => {
    const mine = compose.services.prometheus?.networks ?? [];
    for (const [name, service] of services) {
      if (portOf(service) === undefined) continue;
      const isReached = service.networks?.some((network) => mine.includes(network));
      expect({ name, isReached }).toEqual({ name, isReached: true });
    }
  });
});

describe("infra/docker/Dockerfile", () => {
  it("uses the package manager that the repository pins, with the lock file as it is", () => {
    const { packageManager } = JSON.parse(read("package.json")) as { packageManager: string };
    expect(dockerfile).toContain(`npm install --global ${packageManager}\n`);
    expect(dockerfile).toContain("pnpm install --frozen-lockfile --offline");
  });

  it("takes one pinned base for every stage, and runs as a user without rights", () => {
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:\d+-bookworm-slim$/m);
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(bases).toEqual(["$".concat("{NODE_IMAGE}"), "$".concat("{NODE_IMAGE}")]);
    expect([...dockerfile.matchAll(/^USER (\S+)/gm)].map(([, user]) => user)).toEqual(["node"]);
  });
});
