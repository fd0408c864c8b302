import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { CircuitBreakersSchema } from '../../../gen/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import { CircuitBreaker } from './circuit-breaker.ts'

// ResourceManagerImpl::RetryBudgetImpl::max
test('a retry budget is a share of the requests, rounded down, and who waits for a connection is one of them', () => {
  const proto = create(CircuitBreakersSchema, {
    thresholds: [{ retryBudget: { budgetPercent: { value: 20 }, minRetryConcurrency: 1 } }],
  })
  const { default: resources } = new CircuitBreaker(proto, '')
  for (let i = 0; i < 5; i++) assert.ok(resources.requests.tryTake())
  for (let i = 0; i < 4; i++) assert.ok(resources.pending.tryTake())
  assert.equal(resources.maxRetries, 1)
  resources.requests.add()
  assert.equal(resources.maxRetries, 2)
})
