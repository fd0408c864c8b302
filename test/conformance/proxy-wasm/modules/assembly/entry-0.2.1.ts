import { play } from './contexts'

export * from './callbacks'
export { proxy_abi_version_0_2_1 } from './version'

export function proxy_on_request_headers(id: u32, n: u32, end: u32): i32 {
  return play('request_headers', id, n, end, 0, 0, 0)
}
export function proxy_on_response_headers(id: u32, n: u32, end: u32): i32 {
  return play('response_headers', id, n, end, 0, 0, 0)
}
