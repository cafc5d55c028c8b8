import { parseAccount } from "@granary/chain-client";
import type { AccountId } from "@granary/primitives";
import type { Context } from "../context.js";

/** The account that a gateway signs with, by its own word where none is named. */
async function operatorOf(context: Context, named: string | undefined): Promise<AccountId> {
  if (named !== undefined) return parseAccount(named);
  const { account } = await context.gateway.call<{ account: string }>("/gateway");
  return parseAccount(account);
}

/** Lets a gateway store and delete in all territories of the account. Returns the gateway's account. */
export async function authorizeGateway(context: Context, named?: string): Promise<AccountId> {
  const signer = await context.settings.signer();
  const operator = await operatorOf(context, named);
  await context.withChain(async ({ reader, writer, calls }) => {
    if (await reader.isAuthorized(signer.account, operator)) return;
    await writer.signAndFinalize(signer, calls.authorize(operator));
  });
  return operator;
}

export async function authorize(context: Context, named: string | undefined): Promise<void> {
  const operator = await authorizeGateway(context, named);
  context.output.result({ gateway: operator, isAuthorized: true }, `${operator} may store in your territories`);
}

export async function revoke(context: Context, named: string | undefined): Promise<void> {
  const signer = await context.settings.signer();
  const operator = await operatorOf(context, named);
  await context.withChain(async ({ reader, writer, calls }) => {
    if (!(await reader.isAuthorized(signer.account, operator))) return;
    await writer.signAndFinalize(signer, calls.cancelAuthorize(operator));
  });
  context.output.result({ gateway: operator, isAuthorized: false }, `${operator} may not store in your territories`);
}

/** Gateways that may act for an account. */
export async function list(context: Context, options: { account?: string }): Promise<void> {
  const { account: named } = options;
  const account = named === undefined ? (await context.settings.signer()).account : parseAccount(named);
  const operators = await context.withChain(async ({ reader }) =>
    Promise.all(
      (await reader.authorizations(account)).map(async (operator) => ({
        gateway: operator,
        domain: (await reader.gateway(operator))?.domain ?? null,
      })),
    ),
  );
  const lines = operators.map(({ gateway, domain }) => (domain === null ? gateway : `${gateway}  ${domain}`));
  context.output.result(operators, lines.length === 0 ? "no gateway is authorized" : lines.join("\n"));
}
