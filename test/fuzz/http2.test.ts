import { test } from 'node:test'
import { fuzz } from './fuzz.ts'
import { HTTP2_TARGETS } from './http2-targets.ts'

for (const target of HTTP2_TARGETS) test(`${target.name} under fuzz`, () => fuzz(target, 3000, 1))
