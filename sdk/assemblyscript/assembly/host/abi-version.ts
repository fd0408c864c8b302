// The build says it with `--use PROXY_WASM_ABI=10`, `20` or `21`.
// @ts-ignore: a constant of the compiler
const version: i32 = isDefined(PROXY_WASM_ABI) ? PROXY_WASM_ABI : 21

/** Whether the module is built for Proxy-Wasm 0.1.0, whose configuration and stream functions were others. */
// @ts-ignore: decorator
@inline
export const ABI_0_1_0: bool = version == 10

// @ts-ignore: decorator
@inline
export const ABI_0_2_1: bool = version == 21
