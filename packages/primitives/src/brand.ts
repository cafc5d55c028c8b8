declare const brand: unique symbol;

/** A value that has passed the check its name stands for; erased at run time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
