import { CodedError } from "@granary/primitives";
import { ExecutionFailed } from "../engine/engine.js";
import { ScaleError } from "../engine/scale.js";
import { authorMethods } from "./author-methods.js";
import { chainMethods } from "./chain-methods.js";
import { devMethods } from "./dev-methods.js";
import { RpcError } from "./error.js";
import type { Caller, Methods, RpcContext } from "./method.js";
import { stateMethods } from "./state-methods.js";
import { systemMethods } from "./system-methods.js";

interface Response {
  readonly jsonrpc: "2.0";
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string | number };
}

const batchSizeMax = 1000;

/** From the text of a request, or of a batch of them, to the text of the answer. */
export class Dispatcher {
  private readonly methods: Methods;

  constructor(
    context: RpcContext,
    private readonly onBug: (error: unknown) => void,
  ) {
    const methods = {
      ...systemMethods(context),
      ...chainMethods(context),
      ...stateMethods(context),
      ...authorMethods(context),
      ...devMethods(context),
    };
    const names = [...Object.keys(methods), "rpc_methods"].sort();
    this.methods = { ...methods, rpc_methods: () => ({ version: 1, methods: names }) };
  }

  /** @returns undefined where nothing is to be answered */
  answer(text: string, caller: Caller): string | undefined {
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch {
      return JSON.stringify(failure(null, new RpcError(-32700, "Parse error")));
    }
    if (!Array.isArray(request)) {
      const response = this.one(request, caller);
      return response && JSON.stringify(response);
    }
    if (request.length === 0 || request.length > batchSizeMax) {
      return JSON.stringify(failure(null, new RpcError(-32600, "Invalid request")));
    }
    const responses = request.flatMap((item) => this.one(item, caller) ?? []);
    return responses.length === 0 ? undefined : JSON.stringify(responses);
  }

  private one(request: unknown, caller: Caller): Response | undefined {
    const { id, method, params = [] } = (request ?? {}) as { id?: unknown; method?: unknown; params?: unknown };
    if (typeof method !== "string" || !Array.isArray(params)) {
      return failure(id ?? null, new RpcError(-32600, "Invalid request"));
    }
    try {
      const run = Object.hasOwn(this.methods, method) ? this.methods[method] : undefined;
      if (run === undefined) throw new RpcError(-32601, "Method not found");
      const result = run(params, caller);
      return id === undefined ? undefined : { jsonrpc: "2.0", id, result };
    } catch (error) {
      return failure(id ?? null, this.translate(error));
    }
  }

  private translate(error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    if (error instanceof ExecutionFailed)
      return new RpcError(-32000, `Client error: Execution failed: ${error.message}`);
    if (error instanceof ScaleError || error instanceof CodedError) return new RpcError(-32602, error.message);
    this.onBug(error);
    return new RpcError(-32603, "Internal error");
  }
}

function failure(id: unknown, { code, message, data }: RpcError): Response {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}
