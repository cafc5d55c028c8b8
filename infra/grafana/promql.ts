import { parser } from "@prometheus-io/lezer-promql";

/** A metric as a query names it, with the labels that the query matches on it. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

export interface ParsedQuery {
  readonly selectors: readonly Selector[];
  /** Labels of by, without, on, ignoring and the like. */
  readonly grouping: readonly string[];
}

/** Grafana's own variables, as Prometheus can read them. */
export const withoutVariables = (expr: string, rateInterval = "1m"): string =>
  expr.replaceAll("$__rate_interval", rateInterval).replaceAll("$__range", "1h");

/** Reads a query with Prometheus' own grammar. @throws Error where it is not one */
export function parseQuery(expr: string): ParsedQuery {
  const text = withoutVariables(expr);
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const tree = parser.parse(text);
  tree.iterate({
    enter(node) {
      const content = (from: { from: number; to: number }) => text.slice(from.from, from.to);
      if (node.type.isError) throw new Error(`not PromQL at ${node.from}: ${text}`);
      if (node.name === "GroupingLabels") {
        for (const label of node.node.getChildren("LabelName")) grouping.push(content(label));
      }
      if (node.name !== "VectorSelector") return;
      const name = node.node.getChild("Identifier");
      const list = node.node.getChild("LabelMatchers");
      const matchers = (list?.getChildren("UnquotedLabelMatcher") ?? []).map((matcher) => ({
        label: content(matcher.firstChild as { from: number; to: number }),
        operator: content(matcher.getChild("MatchOp") as { from: number; to: number }),
        value: content(matcher.lastChild as { from: number; to: number }).slice(1, -1),
      }));
      selectors.push({ metric: name === null ? "" : content(name), matchers });
    },
  });
  return { selectors, grouping };
}
