import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const folder = join(import.meta.dirname, "dashboards");
const rulesFolder = join(import.meta.dirname, "..", "prometheus", "rules");

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: unknown;
  readonly id?: number;
  readonly targets?: readonly { readonly expr: string; readonly datasource?: unknown }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly id?: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const dashboards: readonly { readonly file: string; readonly dashboard: Dashboard }[] = readdirSync(folder)
  .sort()
  .map((file) => ({ file, dashboard: JSON.parse(readFileSync(join(folder, file), "utf8")) as Dashboard }));

/** Every query of every panel. */
export const panelQueries = dashboards.flatMap(({ file, dashboard }) =>
  dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `${file}: ${title}`, expr })),
  ),
);

export const rules: readonly Rule[] = readdirSync(rulesFolder)
  .sort()
  .flatMap((file) => {
    const { groups } = parse(readFileSync(join(rulesFolder, file), "utf8")) as {
      groups: readonly { readonly rules: readonly Rule[] }[];
    };
    return groups.flatMap((group) => group.rules);
  });
export const alerts = rules.filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined);
export const records = rules.filter((rule): rule is Rule & { record: string } => rule.record !== undefined);
