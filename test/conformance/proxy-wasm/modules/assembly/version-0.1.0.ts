@external("env", "proxy_get_configuration") declare function getConfiguration(p: usize, l: usize): u32
@external("env", "proxy_continue_request") declare function continueRequest(): u32
@external("env", "proxy_continue_response") declare function continueResponse(): u32
@external("env", "proxy_clear_route_cache") declare function clearRouteCache(): u32

export function callVersioned(name: string, a: u32[]): u32 {
  if (name == 'get_configuration') return getConfiguration(a[0], a[1])
  if (name == 'continue_request') return continueRequest()
  if (name == 'continue_response') return continueResponse()
  if (name == 'clear_route_cache') return clearRouteCache()
  return 0xffff
}

export function readConfiguration(p: usize, l: usize): u32 {
  return getConfiguration(p, l)
}

export function proxy_abi_version_0_1_0(): void {}
