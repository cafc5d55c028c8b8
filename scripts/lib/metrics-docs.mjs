import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./root.mjs";

const intro = `# Metrics

Generated from the factories of the services by \`node scripts/generate-metrics-docs.mjs\`: do not edit.

Every service answers \`GET /metrics\`. Each series has the label \`service\`; counters and histograms are there, at zero,
from the start. No label names a file, a miner, an account or an address. A gauge that cannot be read for a scrape has no
sample in it. The dashboards are in \`infra/grafana/dashboards\`, the rules in \`infra/prometheus/rules\`, and what to do
when an alert fires in [\`docs/runbooks\`](runbooks/README.md).
`;

const VALUES_SHOWN = 8;

/** The text of docs/metrics.md. Needs the hooks of typescript.mjs. */
export async function metricsDocs() {
  const { catalogue, families: all } = await import(pathToFileURL(join(root, "infra", "metrics", "catalogue.ts")).href);
  const services = new Map();
  for (const { service, families } of catalogue) {
    for (const { name } of families) services.set(name, [...(services.get(name) ?? []), service]);
  }
  const ours = [...all.values()].filter(({ name }) => name.startsWith("granary_"));
  const shared = ours.filter(({ name }) => services.get(name).length > 1);
  const sections = [
    "## Several services",
    table(shared, (family) => services.get(family.name)),
    ...catalogue.flatMap(({ service, families }) => {
      const own = families.filter(({ name }) => name.startsWith("granary_") && services.get(name).length === 1);
      return [`## ${service}`, table(own)];
    }),
    "## The process",
    table([...all.values()].filter(({ name }) => !name.startsWith("granary_"))),
  ];
  return formatted([intro, ...sections].join("\n\n"));
}

function table(families, servicesOf) {
  const head = ["metric", "kind", "labels", "meaning", ...(servicesOf === undefined ? [] : ["services"])];
  const rows = families.map((family) => {
    const cells = [`\`${family.name}\``, family.kind, labelsOf(family), family.help];
    if (servicesOf !== undefined) cells.push(servicesOf(family).join(", "));
    return cells.map((cell) => cell.replaceAll("|", "\\|"));
  });
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function labelsOf({ labels }) {
  return Object.entries(labels)
    .filter(([label]) => label !== "service")
    .map(([label, values]) => {
      if (values.length === 0 || values.includes("any")) return `\`${label}\``;
      const shown = values.slice(0, VALUES_SHOWN).map((value) => `\`${value}\``);
      const more = values.length > VALUES_SHOWN ? ` and ${values.length - VALUES_SHOWN} more` : "";
      return `\`${label}\`: ${shown.join(" ")}${more}`;
    })
    .join("; ");
}

/** As the formatter wants Markdown: it aligns the columns. */
function formatted(markdown) {
  const biome = join(root, "node_modules", ".bin", "biome");
  const args = ["format", "--stdin-file-path=docs/metrics.md"];
  return execFileSync(biome, args, { cwd: root, input: `${markdown.trimEnd()}\n`, encoding: "utf8" });
}
