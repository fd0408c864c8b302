import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, fromJson } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { KeyValueMutationSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { QueryMutations } from './query-mutations.ts'
import type { StreamInfo } from './stream-info.ts'

const INFO = {} as StreamInfo
const append = (key: string, value: unknown, action = 'APPEND_IF_EXISTS_OR_ADD') =>
  fromJson(KeyValueMutationSchema, { append: { record: { key, value: value as string }, action } })
const remove = (name: string) => create(KeyValueMutationSchema, { remove: name })
const apply = (path: string, ...all: ReturnType<typeof append>[]) =>
  QueryMutations.compile(all, 'q')?.apply(path, INFO) ?? path

describe('query mutations', () => {
  for (const [path, mutation, expected] of [
    ['/?b=1&a=2', append('a', '3'), '/?a=2&a=3&b=1'],
    ['/', append('a', 'x y&z'), '/?a=x%20y%26z'],
    ['/?a=1', append('a', '2', 'ADD_IF_ABSENT'), '/?a=1'],
    ['/', append('a', '2', 'ADD_IF_ABSENT'), '/?a=2'],
    ['/?a=1&a=2', append('a', '3', 'OVERWRITE_IF_EXISTS_OR_ADD'), '/?a=3'],
    ['/?b=1', append('a', '3', 'OVERWRITE_IF_EXISTS'), '/?b=1'],
    ['/?%61=1&b', remove('a'), '/?b='],
    ['/?a=1', remove('a'), '/'],
    ['/?', remove('a'), '/'],
    // What divides parameters when it is decoded does not come to do so.
    ['/?c=%26&b=%20', append('a', '1'), '/?a=1&b=%20&c=%26'],
  ] as const) {
    test(`${path} becomes ${expected}`, () => assert.equal(apply(path, mutation), expected))
  }

  test('what has not been asked for stays', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (query) => {
        // With its question mark: URLSearchParams would take one that the query itself begins with for it.
        const before = new URLSearchParams(`?${query}`)
        const after = new URLSearchParams(apply(`/?${query}`, append('added', 'é')).slice(1))
        assert.deepEqual(after.getAll('added'), [...before.getAll('added'), 'é'])
        // Between two ampersands is a parameter for Envoy, and none for URLSearchParams.
        for (const name of before.keys())
          if (name !== 'added' && name !== '') assert.deepEqual(after.getAll(name).sort(), before.getAll(name).sort())
      }),
    )
  })

  for (const [mutation, problem] of [
    [append('', 'a'), /q\[0\]\.append\.record\.key: missing/],
    [append('a', 5), /q\[0\]\.append\.record\.value: must be a text/],
    [remove(''), /q\[0\]: append or remove is missing/],
  ] as const) {
    test(`refused: ${problem.source}`, () => assert.throws(() => QueryMutations.compile([mutation], 'q'), problem))
  }
})
