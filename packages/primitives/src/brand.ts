declare const brand: unique symbol;

/**
 * A value that has passed the check its name stands for; erased at run time. The names are keys, so that a branded value
 * can be branded again and is both.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: { readonly [K in Name]: true } };
