import { isIP } from 'node:net'
import { textAt } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { duplicate, type FieldError, invalidValue, notSupported, required } from '../status.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { builtin } from './builtin.ts'

interface Port {
  name?: string
  port: number
  protocol?: string
  targetPort?: number | string
  nodePort?: number
}

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']

function ports(object: ApiObject): string {
  const list = ((object['spec']?.ports as Port[] | undefined) ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort === undefined ? '' : `:${nodePort}`}/${protocol}`,
  )
  return list.length === 0 ? '<none>' : list.join(',')
}

function externalIP(object: ApiObject): string {
  const { type, externalIPs = [], externalName } = object['spec'] ?? {}
  if (type === 'ExternalName') return externalName ?? '<none>'
  if (type === 'LoadBalancer') {
    const ingress = (object['status']?.loadBalancer?.ingress as { ip?: string; hostname?: string }[] | undefined) ?? []
    const all = [...ingress.map(({ ip, hostname }) => ip ?? hostname ?? ''), ...externalIPs]
    return all.length === 0 ? '<pending>' : all.join(',')
  }
  return externalIPs.length === 0 ? '<none>' : externalIPs.join(',')
}

function selector(object: ApiObject): string {
  const entries = Object.entries((object['spec']?.selector ?? {}) as Record<string, string>)
  return entries.length === 0
    ? '<none>'
    : entries
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(',')
}

function validatePort(port: Port, path: string): FieldError[] {
  const errors: FieldError[] = []
  const range = 'must be between 1 and 65535, inclusive'
  if (!Number.isInteger(port.port) || port.port < 1 || port.port > 65535)
    errors.push(invalidValue(`${path}.port`, port.port, range))
  if (!['TCP', 'UDP', 'SCTP'].includes(port.protocol ?? '')) {
    errors.push(notSupported(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']))
  }
  const target = port.targetPort
  if (typeof target === 'number' && (target < 1 || target > 65535))
    errors.push(invalidValue(`${path}.targetPort`, target, range))
  return errors
}

export const serviceKind = builtin({
  plural: 'services',
  kind: 'Service',
  message: 'core.v1.Service',
  shortNames: ['svc'],
  categories: ['all'],
  status: true,
  columns: [
    NAME,
    column('Type', (o) => textAt(o, 'spec', 'type')),
    column('Cluster-IP', (o) => textAt(o, 'spec', 'clusterIP') || '<none>'),
    column('External-IP', externalIP),
    column('Port(s)', ports),
    AGE,
    column('Selector', selector, { wide: true }),
  ],
  selectableFields: ['spec.clusterIP', 'spec.type'],
  behaviour: {
    validName: 'dns1035',
    prepare(object, old, context) {
      object['spec'] ??= {}
      const spec = object['spec']
      spec.type ??= 'ClusterIP'
      spec.sessionAffinity ??= 'None'
      for (const port of (spec.ports as Port[] | undefined) ?? []) {
        port.protocol ??= 'TCP'
        if (port.targetPort === undefined || port.targetPort === '') port.targetPort = port.port
      }
      if (spec.type === 'ExternalName') {
        delete spec.clusterIP
        delete spec.clusterIPs
        return
      }
      const before = old?.['spec']?.clusterIP as string | undefined
      spec.clusterIP ||= before ?? context.allocateClusterIP(undefined)
      if (spec.clusterIP !== 'None' && spec.clusterIP !== before) context.allocateClusterIP(spec.clusterIP)
      spec.clusterIPs = [spec.clusterIP]
      spec.ipFamilies ??= [isIP(spec.clusterIP) === 6 ? 'IPv6' : 'IPv4']
      spec.ipFamilyPolicy ??= 'SingleStack'
      spec.internalTrafficPolicy ??= 'Cluster'
      if (spec.type !== 'ClusterIP') spec.externalTrafficPolicy ??= 'Cluster'
      object['status'] ??= { loadBalancer: {} }
    },
    validate(object, old) {
      const spec = object['spec']
      const errors: FieldError[] = []
      if (!TYPES.includes(spec.type)) errors.push(notSupported('spec.type', spec.type, TYPES))
      const list = (spec.ports as Port[] | undefined) ?? []
      if (list.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
        errors.push(required('spec.ports'))
      if (spec.type === 'ExternalName' && !spec.externalName) errors.push(required('spec.externalName'))
      const before = old?.['spec']?.clusterIP
      if (before !== undefined && spec.type !== 'ExternalName' && before !== spec.clusterIP) {
        errors.push(invalidValue('spec.clusterIPs[0]', spec.clusterIP, 'may not change once set'))
      }
      const names = new Set<string>()
      list.forEach((port, i) => {
        const path = `spec.ports[${i}]`
        if (list.length > 1 && !port.name) errors.push(required(`${path}.name`))
        if (port.name && names.has(port.name)) errors.push(duplicate(`${path}.name`, port.name))
        names.add(port.name ?? '')
        errors.push(...validatePort(port, path))
      })
      return errors
    },
  },
})
