import { test } from 'node:test'
import { fuzz } from './fuzz.ts'
import { HTTP1_TARGETS } from './http1-targets.ts'

for (const target of HTTP1_TARGETS) test(`${target.name} under fuzz`, () => fuzz(target, 3000, 1))
