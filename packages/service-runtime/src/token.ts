import { Inject, type Provider } from "@nestjs/common";

/** A name for a dependency that Nest injects, which remembers the dependency's type. */
export interface Token<T> {
  readonly symbol: symbol;
  readonly provide: (value: T) => Provider;
  readonly inject: () => ParameterDecorator;
}

export function token<T>(name: string): Token<T> {
  const symbol = Symbol(name);
  return { symbol, provide: (useValue) => ({ provide: symbol, useValue }), inject: () => Inject(symbol) };
}
