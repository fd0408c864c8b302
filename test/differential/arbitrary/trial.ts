import fc from 'fast-check'
import type { Trial } from '../trial.ts'
import { manager } from './manager.ts'
import { request } from './requests.ts'
import { routeConfig } from './routes.ts'

export const trial: fc.Arbitrary<Trial> = fc.record({
  manager,
  routes: routeConfig,
  requests: fc.array(request, { minLength: 12, maxLength: 16 }),
})
