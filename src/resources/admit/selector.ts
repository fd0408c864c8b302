import { type Findings, fields, list, text } from './findings.ts'

const TARGETS: readonly { group: string; kind: string }[] = [
  { group: 'core', kind: 'Service' },
  { group: 'networking.istio.io', kind: 'ServiceEntry' },
  { group: 'gateway.networking.k8s.io', kind: 'Gateway' },
  { group: 'gateway.networking.k8s.io', kind: 'GatewayClass' },
]

/** How an extension says what it applies to: at most one of selector, targetRef and targetRefs. */
export function checkAttachment(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  const ways = ['selector', 'targetRef'].filter((way) => spec[way] != null).length
  if (ways + (list(spec['targetRefs']).length > 0 ? 1 : 0) > 1) {
    found.error('spec', 'only one of targetRefs or workloadSelector can be set')
  }
  if (spec['selector'] != null) checkLabels(fields(fields(spec['selector'])['matchLabels']), 'spec.selector', found)
  if (spec['targetRef'] != null) checkTarget(fields(spec['targetRef']), 'spec.targetRef', found)
  list(spec['targetRefs']).forEach((target, i) => {
    checkTarget(fields(target), `spec.targetRefs[${i}]`, found)
  })
}

/** Without labels a selector selects everything, which is rarely meant. */
export function checkLabels(labels: Readonly<Record<string, unknown>>, field: string, found: Findings): void {
  const pairs = Object.entries(labels)
  for (const [key, value] of pairs) {
    const pair = JSON.stringify(`${key}=${text(value)}`)
    if (key === '') found.error(field, `empty key is not supported in selector: ${pair}`)
    if (key.includes('*') || text(value).includes('*')) {
      found.error(field, `wildcard is not supported in selector: ${pair}`)
    }
  }
  if (pairs.length === 0) found.warn('workload selector specified without labels')
}

function checkTarget(target: Readonly<Record<string, unknown>>, field: string, found: Findings): void {
  if (text(target['name']) === '') found.error(`${field}.name`, 'targetRef name must be set')
  if (text(target['namespace']) !== '') {
    const why = 'targetRef namespace must not be set; cross namespace referencing is not supported'
    found.error(`${field}.namespace`, why)
  }
  const group = text(target['group']) || 'core'
  const kind = text(target['kind'])
  if (TARGETS.some((one) => one.group === group && one.kind === kind)) return
  const allowed = TARGETS.map((one) => `${one.group}/${one.kind}`).join(' ')
  found.error(field, `targetRef must be to one of [${allowed}] but was ${group}/${kind}`)
}
