/** An IP address with its port, as Envoy writes them; that of an internal listener has none. */
export function addressText(ip: string, port: number): string {
  if (!isIp(ip)) return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** Not that of an internal listener, nor of a socket without an address. */
export function isIp(address: string): boolean {
  return address !== '' && !address.startsWith('envoy:')
}
