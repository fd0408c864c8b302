import { isIP } from 'node:net'
import { type Findings, fields, list, text } from './findings.ts'
import { serverHostProblem } from './hostname.ts'

type Fields = Readonly<Record<string, unknown>>

const HTTP = new Set(['http', 'http2', 'grpc', 'grpc-web'])
const TLS = new Set(['https', 'tls'])
const OTHER = new Set(['tcp', 'udp', 'mongo', 'redis', 'mysql', 'hbone'])
const UNIX = 'unix://'

/** ValidateGateway: of networking.istio.io, not of the Gateway API. */
export function admitIstioGateway(spec: Fields, found: Findings, name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > 63) {
    found.error('metadata.name', `invalid gateway name: ${JSON.stringify(name)}`)
  }
  const servers = list(spec['servers'])
  if (servers.length === 0) found.error('spec.servers', 'gateway must have at least one server')
  const names = new Set<string>()
  servers.forEach((server, i) => {
    checkServer(fields(server), `spec.servers[${i}]`, names, found)
  })
}

function checkServer(server: Fields, at: string, names: Set<string>, found: Findings): void {
  const hosts = list(server['hosts'])
  if (hosts.length === 0) found.error(`${at}.hosts`, 'server config must contain at least one host')
  hosts.forEach((host, i) => {
    const problem = serverHostProblem(text(host))
    if (problem !== undefined) found.error(`${at}.hosts[${i}]`, problem)
  })
  checkBind(text(server['bind']), fields(server['port']), at, found)
  if (server['tls'] != null) checkTls(fields(server['tls']), `${at}.tls`, found)
  if (server['port'] == null) {
    found.error(`${at}.port`, 'port is required')
    return
  }
  const port = fields(server['port'])
  const portName = text(port['name'])
  if (names.has(portName)) {
    found.error(`${at}.port.name`, `port names in servers must be unique: duplicate name ${portName}`)
  }
  names.add(portName)
  const isSound = checkPort(port, text(server['bind']), `${at}.port`, found)
  const protocol = text(port['protocol']).toLowerCase()
  const tls = server['tls'] == null ? undefined : fields(server['tls'])
  if (!HTTP.has(protocol) && tls?.['httpsRedirect'] === true) {
    found.warn('tls.httpsRedirect should only be used with http servers')
  }
  if (isSound) checkTlsFits(protocol, tls, at, found)
}

function checkPort(port: Fields, bind: string, at: string, found: Findings): boolean {
  const before = found.errors.length
  const protocol = text(port['protocol'])
  const known = protocol.toLowerCase()
  if (!HTTP.has(known) && !TLS.has(known) && !OTHER.has(known)) {
    const supported = 'HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP'
    found.error(`${at}.protocol`, `invalid protocol ${JSON.stringify(protocol)}, supported protocols are ${supported}`)
  }
  const number = Number(port['number'] ?? 0)
  if ((number > 0 || !bind.startsWith(UNIX)) && (number < 1 || number > 65535)) {
    found.error(`${at}.number`, `port number ${number} must be in the range 1..65535`)
  }
  if (Number(port['targetPort'] ?? 0) > 0) found.error(`${at}.targetPort`, 'targetPort has no impact on Gateways')
  if (text(port['name']) === '') found.error(`${at}.name`, 'port name must be set')
  return found.errors.length === before
}

function checkBind(bind: string, port: Fields, at: string, found: Findings): void {
  if (bind.startsWith(UNIX)) {
    const path = bind.slice(UNIX.length)
    if (!path.startsWith('@') && (!path.startsWith('/') || path.endsWith('/'))) {
      found.error(`${at}.bind`, `${path} is not an absolute path to a file`)
    }
    if (Number(port['number'] ?? 0) !== 0) {
      found.error(`${at}.port.number`, 'port number must be 0 for unix domain socket')
    }
  } else if (bind !== '' && isIP(bind) === 0) found.error(`${at}.bind`, `${bind} is not a valid IP`)
}

function checkTlsFits(protocol: string, tls: Fields | undefined, at: string, found: Findings): void {
  if (TLS.has(protocol)) {
    if (tls === undefined) found.error(`${at}.tls`, 'server must have TLS settings for HTTPS/TLS protocols')
    return
  }
  if (tls === undefined) return
  if (!HTTP.has(protocol)) {
    found.error(`${at}.tls`, 'server cannot have TLS settings for non HTTPS/TLS ports')
    return
  }
  // A redirect to https is all that TLS settings may say on a plain port.
  const isPassthrough = ['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(text(tls['mode']) || 'PASSTHROUGH')
  const hasFiles = ['caCertificates', 'privateKey', 'serverCertificate'].some((name) => text(tls[name]) !== '')
  if (!isPassthrough || hasFiles) {
    found.error(`${at}.tls`, 'server cannot have TLS settings for plain text HTTP ports')
  }
}

/** What each mode needs when the certificates do not come from a Secret. */
const NEEDS: Readonly<Record<string, readonly [string, string][]>> = {
  SIMPLE: [
    ['serverCertificate', 'SIMPLE TLS requires a server certificate'],
    ['privateKey', 'SIMPLE TLS requires a private key'],
  ],
  MUTUAL: [
    ['serverCertificate', 'MUTUAL TLS requires a server certificate'],
    ['privateKey', 'MUTUAL TLS requires a private key'],
    ['caCertificates', 'MUTUAL TLS requires a client CA bundle'],
  ],
}

const REFUSES: readonly [string, string][] = [
  ['serverCertificate', 'ISTIO_MUTUAL TLS cannot have associated server certificate'],
  ['privateKey', 'ISTIO_MUTUAL TLS cannot have associated private key'],
  ['caCertificates', 'ISTIO_MUTUAL TLS cannot have associated CA bundle'],
  ['credentialName', 'ISTIO_MUTUAL TLS cannot have associated credentialName'],
]

function checkTls(tls: Fields, at: string, found: Findings): void {
  const mode = text(tls['mode'])
  const has = (name: string) => text(tls[name]) !== ''
  if (mode === 'ISTIO_MUTUAL') {
    for (const [name, why] of REFUSES) if (has(name)) found.error(`${at}.${name}`, why)
    return
  }
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') {
    const given = ['caCrl', 'serverCertificate', 'privateKey', 'caCertificates', 'credentialName'].some(has)
    if (given) found.warn(`${mode} mode does not use certificates, they will be ignored`)
    return
  }
  const hasSecret = has('credentialName') || list(tls['credentialNames']).length > 0
  if (hasSecret) return
  for (const [name, why] of NEEDS[mode === 'OPTIONAL_MUTUAL' ? 'MUTUAL' : mode] ?? []) {
    if (!has(name) && list(tls['tlsCertificates']).length === 0) found.error(`${at}.${name}`, why)
  }
  if (has('caCrl') && mode === 'SIMPLE') found.error(`${at}.caCrl`, 'CRL is not supported with SIMPLE TLS')
}
