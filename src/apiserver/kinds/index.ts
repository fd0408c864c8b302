import { crdKind } from '../crd/kind.ts'
import type { Kind } from '../kind.ts'
import { deploymentKind, replicaSetKind } from './apps.ts'
import { configMapKind, secretKind, serviceAccountKind } from './config.ts'
import { endpointSliceKind, endpointsKind, leaseKind } from './endpoints.ts'
import { eventKind, eventsKind } from './event.ts'
import { namespaceKind } from './namespace.ts'
import { podKind } from './pod.ts'
import { reviewKinds } from './reviews.ts'
import { serviceKind } from './service.ts'

/** The order is that of discovery, and so of `kubectl api-resources` and of which group wins a short name. */
export const builtinKinds: readonly Kind[] = [
  configMapKind,
  endpointsKind,
  eventKind,
  namespaceKind,
  podKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  deploymentKind,
  replicaSetKind,
  eventsKind,
  ...reviewKinds,
  endpointSliceKind,
  leaseKind,
  crdKind,
]
