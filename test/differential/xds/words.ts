import type { Place } from './observe.ts'

/** Few, so that they meet: what a change concerns is in use as often as not. */
export const LISTENERS = ['l0', 'l1', 'tls'] as const
export const ROUTES = ['r0', 'r1'] as const
export const CLUSTERS = ['c0', 'c1', 'c2'] as const
export const SERVICES = ['c0', 'c1', 'c2', 'shared'] as const
export const SECRETS = ['s0', 's1'] as const
export const EXTENSIONS = ['x0', 'x1'] as const
export const UPSTREAMS = ['up0', 'up1', 'up2', 'up3'] as const
/** Each has another route. */
export const PATHS = ['/', '/one'] as const

/** What resources say of this machine. */
export interface World {
  readonly upstreams: readonly number[]
  readonly ports: readonly number[]
  /** Certificates with their keys, in PEM. */
  readonly pairs: readonly { readonly cert: string; readonly key: string }[]
}

export function placesOf(id: string, { ports }: World): Place[] {
  return LISTENERS.map((name, i) => ({ name: id + name, port: ports[i], secure: name === 'tls' }))
}
