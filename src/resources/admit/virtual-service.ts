import { compilePattern } from '../schema/pattern.ts'
import { type Findings, fields, list, text } from './findings.ts'
import { hostProblem } from './hostname.ts'

type Fields = Readonly<Record<string, unknown>>

/** ValidateVirtualService, as far as it says what the schema cannot. */
export function admitVirtualService(spec: Fields, found: Findings): void {
  const hosts = list(spec['hosts']).map(text)
  const gateways = list(spec['gateways']).map(text)
  // A delegate has no hosts of its own: it gets those of its root, and may not be bound to gateways.
  const isDelegate = hosts.length === 0
  if (isDelegate && gateways.length > 0) {
    found.error('spec.gateways', 'delegate virtual service must have no gateways specified')
  }
  const inMesh = gateways.length === 0 || gateways.includes('mesh')
  hosts.forEach((host, i) => {
    if (host === '*' && inMesh) {
      found.error(`spec.hosts[${i}]`, 'wildcard host * is not allowed for virtual services bound to the mesh gateway')
      return
    }
    const problem = hostProblem(host)
    if (problem !== undefined) found.error(`spec.hosts[${i}]`, problem)
    if (hosts.indexOf(host) < i) found.error(`spec.hosts[${i}]`, `duplicate hosts in virtual service: ${host}`)
  })
  if (['http', 'tcp', 'tls'].every((protocol) => list(spec[protocol]).length === 0)) {
    found.error('spec', 'http, tcp or tls must be provided in virtual service')
  }
  list(spec['http']).forEach((route, i) => {
    checkHttpRoute(fields(route), `spec.http[${i}]`, isDelegate, found)
  })
}

function checkHttpRoute(route: Fields, at: string, isDelegate: boolean, found: Findings): void {
  const destinations = list(route['route'])
  const { redirect, fault, rewrite, delegate } = route
  if (delegate != null && isDelegate) found.error(at, 'delegate HTTP route cannot contain delegate')
  if (delegate != null && !isDelegate) {
    const name = text(route['name'])
    if (redirect != null) found.error(at, `root HTTP route ${name} must not specify redirect`)
    if (route['route'] != null) found.error(at, `root HTTP route ${name} must not specify route`)
  } else if (redirect != null) {
    if (destinations.length > 0) found.error(at, 'HTTP route cannot contain both route and redirect')
    if (fault != null) found.error(at, 'HTTP route cannot contain both fault and redirect')
    if (rewrite != null) found.error(at, 'HTTP route rule cannot contain both rewrite and redirect')
  } else if (destinations.length === 0 && route['directResponse'] == null) {
    found.error(at, 'HTTP route or redirect is required')
  }
  checkDestinations(destinations, `${at}.route`, found)
  list(route['match']).forEach((match, i) => {
    checkPatterns(fields(match), `${at}.match[${i}]`, found)
  })
  if (rewrite != null && ['uri', 'authority', 'uriRegexRewrite'].every((name) => fields(rewrite)[name] == null)) {
    found.error(`${at}.rewrite`, 'rewrite must specify URI, authority, or both')
  }
  const attempts = Number(fields(route['retries'])['attempts'] ?? 0)
  if (attempts < 0) found.error(`${at}.retries.attempts`, 'attempts cannot be negative')
}

function checkDestinations(destinations: readonly unknown[], at: string, found: Findings): void {
  let total = 0
  destinations.forEach((entry, i) => {
    const { destination, weight } = fields(entry)
    const share = Number(weight ?? 0)
    if (share < 0) found.error(`${at}[${i}].weight`, `weight ${share} < 0`)
    total += share
    const host = text(fields(destination)['host'])
    const problem = host === '*' ? 'invalid destination host *' : hostProblem(host)
    if (problem !== undefined) found.error(`${at}[${i}].destination.host`, problem)
  })
  if (destinations.length > 1 && total === 0) found.error(at, 'total destination weight = 0')
}

/** Regular expressions of a match have to be ones that the proxy can compile (RE2). */
function checkPatterns(match: Fields, at: string, found: Findings): void {
  const check = (field: string, value: unknown) => {
    const regex = text(fields(value)['regex'])
    if (regex === '') return
    try {
      compilePattern(regex)
    } catch (error) {
      found.error(field, `${JSON.stringify(regex)} is not a valid regular expression: ${(error as Error).message}`)
    }
  }
  for (const name of ['uri', 'scheme', 'method', 'authority']) check(`${at}.${name}`, match[name])
  for (const name of ['headers', 'withoutHeaders', 'queryParams']) {
    for (const [key, value] of Object.entries(fields(match[name]))) check(`${at}.${name}[${key}]`, value)
  }
}
