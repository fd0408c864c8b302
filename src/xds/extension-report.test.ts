import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { DiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { decodeReports, deltaReportRequest, type ExtensionReport, reportRequest } from './extension-report.ts'

const REPORTS: ExtensionReport[] = [
  { name: 'a', version: '1', state: 'fetching' },
  { name: 'b', version: '1', state: 'ready', digest: 'sha256:00', source: 'oci://m/x', fromCache: true },
  { name: 'c', version: '2', state: 'failed', code: 'SL3001', message: 'no «such» host', resourceVersion: '77' },
]

test('reports survive the wire', () => {
  const bytes = toBinary(DiscoveryRequestSchema, reportRequest(REPORTS))
  assert.deepEqual(decodeReports(fromBinary(DiscoveryRequestSchema, bytes)), REPORTS)
  assert.deepEqual(decodeReports(deltaReportRequest(REPORTS)), REPORTS)
  assert.deepEqual(decodeReports(reportRequest([])), [])
})

test('other requests are no reports, and malformed details are left out', () => {
  assert.equal(decodeReports(create(DiscoveryRequestSchema, { typeUrl: 'other' })), undefined)
  const bad = reportRequest([{ name: 'a', version: '1', state: 'melted' as 'ready' }, REPORTS[0]])
  assert.deepEqual(decodeReports(bad), [REPORTS[0]])
})
