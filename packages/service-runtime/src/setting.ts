import { parseBytes, parseDuration } from "@granary/primitives";
import { z } from "zod";

/** A secret that cannot be printed by accident. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toJSON(): string {
    return "***";
  }
  toString(): string {
    return "***";
  }
}

const withUnit = (parse: (text: string) => number) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

/** Kinds of settings. A setting's name is the name of its environment variable. */
export const setting = {
  bytes: (example: string) => withUnit(parseBytes).describe(`size, e.g. ${example}`),
  duration: (example: string) => withUnit(parseDuration).describe(`duration, e.g. ${example}`),
  port: () => z.coerce.number().int().min(0).max(65_535),
  count: () => z.coerce.number().int().positive(),
  url: (...protocols: string[]) =>
    z
      .string()
      .refine(
        (text) => text.split(",").every((one) => URL.canParse(one) && protocols.includes(new URL(one).protocol)),
        {
          message: `a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
        },
      ),
  secret: () =>
    z
      .string()
      .min(1)
      .transform((text) => new Secret(text))
      .meta({ secret: true }),
  flag: () => z.enum(["true", "false"]).transform((text) => text === "true"),
  list: () =>
    z.string().transform((text) =>
      text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    ),
};
