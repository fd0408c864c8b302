import type { Case } from '../case.ts'
import { cases as accessLogs } from './access-logs.ts'
import { cases as actions } from './actions.ts'
import { cases as bodies } from './bodies.ts'
import { cases as callouts } from './callouts.ts'
import { cases as headers } from './headers.ts'
import { cases as lifecycle } from './lifecycle.ts'
import { cases as loading } from './loading.ts'
import { cases as localReplies } from './local-replies.ts'
import { cases as network } from './network.ts'
import { cases as pointers } from './pointers.ts'
import { cases as properties } from './properties.ts'
import { cases as sequences } from './sequences.ts'
import { cases as services } from './services.ts'
import { cases as shared } from './shared.ts'
import { cases as wasi } from './wasi.ts'
import { cases as wire } from './wire.ts'

/** All cases. */
export const TABLE: readonly Case[] = [
  ...loading,
  ...wasi,
  ...pointers,
  ...headers,
  ...bodies,
  ...actions,
  ...localReplies,
  ...callouts,
  ...shared,
  ...properties,
  ...lifecycle,
  ...wire,
  ...network,
  ...accessLogs,
  ...services,
  ...sequences,
]
