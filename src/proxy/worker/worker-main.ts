/** A data thread: listens, serves, and applies what the main thread sends. */

import { parentPort, workerData } from 'node:worker_threads'
import { fromBinary } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { logLevels } from '../../telemetry/log.ts'
import { setPluginTrace } from '../filters/wasm/index.ts'
import { OverloadState } from '../overload/overload-state.ts'
import { TicketSecret } from '../tls/ticket-secret.ts'
import { DataPlane } from './data-plane.ts'
import type { PreparedSwap } from './extension-store.ts'
import type { FromWorker, ToWorker, WorkerQuestion, WorkerStart } from './protocol.ts'

if (parentPort === null) throw new Error('this file runs as a worker')
const port = parentPort
const start = workerData as WorkerStart
const overload = start.overload && new OverloadState(start.overload, start.index)
const plane = new DataPlane(fromBinary(NodeSchema, start.node), start.index, {
  role: start.role,
  overload,
  ticketSecret: new TicketSecret(start.ticketSeed),
  localCluster: start.localCluster,
})
const batches = new Map<number, PreparedSwap[]>()

function send(message: FromWorker): void {
  port.postMessage(message)
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'prepare': {
      const prepared = []
      for (const op of message.ops) prepared.push(await plane.prepare(op))
      batches.set(
        message.id,
        prepared.map(({ swap }) => swap),
      )
      send({ type: 'prepared', id: message.id, results: prepared.map(({ result }) => result) })
      break
    }
    case 'commit': {
      const swaps = batches.get(message.id) ?? []
      batches.delete(message.id)
      swaps.forEach((swap, i) => {
        if (message.accepted[i]) swap.commit()
        else swap.abort()
      })
      send({ type: 'committed', id: message.id })
      break
    }
    case 'query':
      send({ type: 'answer', id: message.id, value: query(message.what) })
      break
    case 'wasm-trace':
      send({ type: 'answer', id: message.id, value: setPluginTrace(message.plugin, message.enabled) })
      break
    case 'command':
      plane.run(message.command)
      send({ type: 'answer', id: message.id, value: undefined })
      break
    case 'drain':
      await plane.drain(message.deadlineMs)
      send({ type: 'answer', id: message.id, value: undefined })
      break
  }
}

function query(what: WorkerQuestion): unknown {
  switch (what) {
    case 'stats':
      return {
        ...plane.stats.snapshot(),
        process: plane.processGauges(),
        istio: plane.istio?.snapshot() ?? [],
      }
    case 'clusters':
      return plane.clusterStatus()
    case 'certificates':
      return plane.certificates()
    case 'connections':
      return plane.connections()
    case 'log-levels':
      return logLevels()
  }
}

port.on('message', (message: ToWorker) => void handle(message))
send({ type: 'ready' })
