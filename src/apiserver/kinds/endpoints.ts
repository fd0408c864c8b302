/** Endpoints, EndpointSlice and Lease. */

import { deepEqual, textAt } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { invalidValue, notSupported } from '../status.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { builtin } from './builtin.ts'

/** The first three and how many more: printers.formatEndpoints. */
function few(all: string[], none: string): string {
  if (all.length === 0) return none
  return all.length <= 3 ? all.join(',') : `${all.slice(0, 3).join(',')} + ${all.length - 3} more...`
}

interface Subset {
  addresses?: { ip: string }[]
  ports?: { port: number }[]
}

function endpoints(object: ApiObject): string {
  const all: string[] = []
  for (const { addresses = [], ports = [] } of (object['subsets'] as Subset[] | undefined) ?? []) {
    if (ports.length === 0) all.push(...addresses.map(({ ip }) => ip))
    for (const { port } of ports) all.push(...addresses.map(({ ip }) => `${ip}:${port}`))
  }
  return few(all, '<none>')
}

export const endpointsKind = builtin({
  plural: 'endpoints',
  kind: 'Endpoints',
  message: 'core.v1.Endpoints',
  shortNames: ['ep'],
  columns: [NAME, column('Endpoints', endpoints), AGE],
})

const ADDRESS_TYPES = ['IPv4', 'IPv6', 'FQDN']

export const endpointSliceKind = builtin({
  group: 'discovery.k8s.io',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  message: 'discovery.v1.EndpointSlice',
  columns: [
    NAME,
    column('AddressType', (o) => textAt(o, 'addressType')),
    column('Ports', (o) => {
      const ports = (o['ports'] as { port?: number; name?: string }[] | undefined) ?? []
      return few(
        ports.map(({ port, name }) => String(port ?? name ?? '*')),
        '<unset>',
      )
    }),
    column('Endpoints', (o) => {
      const list = (o['endpoints'] as { addresses?: string[] }[] | undefined) ?? []
      return few(
        list.flatMap(({ addresses = [] }) => addresses),
        '<unset>',
      )
    }),
    AGE,
  ],
  behaviour: {
    generationOf: ['endpoints', 'ports', 'addressType'],
    prepare(object) {
      object['endpoints'] ??= []
      for (const port of (object['ports'] as { protocol?: string; name?: string }[] | undefined) ?? []) {
        port.protocol ??= 'TCP'
        port.name ??= ''
      }
    },
    validate(object, old) {
      const type = object['addressType']
      if (!ADDRESS_TYPES.includes(type)) return [notSupported('addressType', type, ADDRESS_TYPES)]
      if (old !== undefined && !deepEqual(type, old['addressType']))
        return [invalidValue('addressType', type, 'field is immutable')]
      return []
    },
  },
})

export const leaseKind = builtin({
  group: 'coordination.k8s.io',
  plural: 'leases',
  kind: 'Lease',
  message: 'coordination.v1.Lease',
  columns: [NAME, column('Holder', (o) => textAt(o, 'spec', 'holderIdentity')), AGE],
})
