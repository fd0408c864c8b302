import { test } from 'node:test'
import { fuzz } from './fuzz.ts'
import { LISTENER_TARGETS } from './listener-targets.ts'

for (const target of LISTENER_TARGETS) test(`${target.name} under fuzz`, () => fuzz(target, 3000, 1))
