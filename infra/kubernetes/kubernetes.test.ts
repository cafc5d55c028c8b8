import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { settings as chainIndexer } from "../../apps/chain-indexer/src/config.js";
import { gatewaySettings } from "../../apps/ingest-gateway/src/config.js";
import { settings as preprocessor } from "../../apps/preprocessor/src/config.js";
import { settings as retrieval } from "../../apps/retrieval/src/config.js";
import { settings as scheduler } from "../../apps/scheduler/src/config.js";

// biome-ignore lint/suspicious/noExplicitAny: manifests are checked against their schemas by scripts/checks/kubernetes.mjs
type Manifest = any;
interface Settings {
  readonly shape: Readonly<Record<string, unknown>>;
  safeParse(values: unknown): { readonly error?: { readonly issues: readonly unknown[] } | undefined };
}

const settingsOf: Record<string, Settings> = {
  "chain-indexer": chainIndexer,
  "ingest-gateway": gatewaySettings,
  preprocessor,
  retrieval,
  scheduler,
};
const names = Object.keys(settingsOf).sort();
const example: Record<string, string> = {
  database_url: "postgresql://granary:secret@postgres:5432/granary",
  gateway_mnemonic: "//Granary//gateway",
  grpc_token: "a long token of the internal network",
};

describe.each(["dev", "prod"])("the rendered overlay %s", (overlay) => {
  const text = readFileSync(join(import.meta.dirname, "rendered", `${overlay}.yaml`), "utf8");
  const objects: Manifest[] = parseAllDocuments(text).map((one) => one.toJS());
  const ofKind = (kind: string): Manifest[] => objects.filter((one) => one.kind === kind);
  const workloads = [...ofKind("Deployment"), ...ofKind("Job")];
  const containers = workloads.flatMap((one) => one.spec.template.spec.containers as Manifest[]);
  const envOf = (container: Manifest): Record<string, string> =>
    Object.fromEntries(container.env.map(({ name, value }: Manifest) => [name, value]));

  it("has every service, each with a Service, a disruption budget, and probes for its whole life", () => {
    for (const kind of ["Deployment", "Service", "PodDisruptionBudget"]) {
      expect(
        ofKind(kind)
          .map((one) => one.metadata.name)
          .sort(),
      ).toEqual(names);
    }
    for (const one of ofKind("Deployment")) {
      const [container] = one.spec.template.spec.containers;
      const paths = ["startupProbe", "readinessProbe", "livenessProbe"].map((probe) => container[probe].httpGet.path);
      expect([one.metadata.name, ...paths]).toEqual([one.metadata.name, "/startup", "/ready", "/live"]);
      expect(one.spec.template.spec.topologySpreadConstraints).toHaveLength(2);
      expect(one.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    }
  });

  it.each(names)("gives %s its settings, and none that it does not know", (name) => {
    const deployment = ofKind("Deployment").find((one) => one.metadata.name === name);
    const shared = ofKind("ConfigMap")[0].data as Record<string, string>;
    const own = envOf(deployment.spec.template.spec.containers[0]);
    const { shape } = settingsOf[name] as Settings;
    expect(Object.keys(own).filter((key) => !(key.replace(/_FILE$/, "") in shape))).toEqual([]);
    const values = Object.entries({ ...shared, ...own }).map(([key, value]) =>
      key.endsWith("_FILE") ? [key.slice(0, -5), example[value.split("/").at(-1) as string]] : [key, value],
    );
    expect(settingsOf[name]?.safeParse(Object.fromEntries(values)).error?.issues ?? []).toEqual([]);
  });

  it("ends no service before its own end", () => {
    for (const one of ofKind("Deployment")) {
      const env = envOf(one.spec.template.spec.containers[0]);
      const pauseSeconds = Number(/^(\d+)s$/.exec(env.DRAIN_PAUSE as string)?.[1]);
      expect(one.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + 25);
    }
  });

  it("lets no container be root, write to its image, gain rights, or run without bounds", () => {
    expect(containers).toHaveLength(names.length + 1);
    for (const { securityContext, resources } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(resources).toMatchObject({ requests: { cpu: expect.any(String), memory: expect.any(String) } });
      expect(resources.limits.memory).toEqual(expect.any(String));
    }
    for (const one of workloads) {
      expect(one.spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
      expect(one.spec.template.spec.automountServiceAccountToken).toBe(false);
    }
  });

  it("mounts every secret that a variable names, by reference, and holds none", () => {
    expect(ofKind("Secret")).toEqual([]);
    for (const one of workloads) {
      const { volumes, containers: own } = one.spec.template.spec;
      const mounted = volumes
        .find((volume: Manifest) => volume.name === "secrets")
        .projected.sources.flatMap(({ secret }: Manifest) => secret.items.map(({ path }: Manifest) => path));
      const named = Object.entries(envOf(own[0])).filter(([key]) => key.endsWith("_FILE"));
      expect(mounted.sort()).toEqual(named.map(([, file]) => file.replace("/run/secrets/granary/", "")).sort());
    }
  });

  it("lets only the sender reach the public internet", () => {
    const policies = ofKind("NetworkPolicy");
    const open = policies.filter(({ spec }) =>
      (spec.egress ?? []).some(({ to }: Manifest) => to === undefined || to.some((one: Manifest) => one.ipBlock)),
    );
    expect(open.map(({ spec }) => spec.podSelector.matchLabels["app.kubernetes.io/name"])).toEqual(["scheduler"]);
    const [deny] = policies.filter(({ spec }) => spec.ingress === undefined && spec.egress === undefined);
    expect(deny.spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/part-of": "granary" } },
      policyTypes: ["Ingress", "Egress"],
    });
  });

  it("scales what there is, on queues and streams that there are", () => {
    const targets = [...ofKind("HorizontalPodAutoscaler"), ...ofKind("ScaledObject")].map(
      ({ spec }) => spec.scaleTargetRef.name,
    );
    expect(targets.sort()).toEqual(["ingest-gateway", "preprocessor", "retrieval", "scheduler"]);
    const metrics = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
    const subjects = readFileSync(join(import.meta.dirname, "../../docs/contracts.md"), "utf8");
    for (const { spec, metadata } of ofKind("ScaledObject")) {
      const [prometheus, stream] = spec.triggers.map((one: Manifest) => one.metadata);
      expect(metrics).toContain(`\`${/max\((\w+)/.exec(prometheus.query)?.[1]}\``);
      const [consumer, subject] = stream.consumer.split("--");
      expect(consumer).toBe(metadata.name);
      // upload-received-v1 is of granary.upload.received.v1
      expect(subjects.replaceAll(".", "-")).toContain(`granary-${subject}`);
    }
  });
});
