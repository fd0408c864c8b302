import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { kubectl, onPath } from '../peers/index.ts'
import { Instance } from './instance.ts'
import { pageCommands } from './markdown-commands.ts'

const tasks = new URL('../../docs/tasks/', import.meta.url)

for (const page of readdirSync(tasks)) {
  const peer = await kubectl('1.33')
  test(`docs/tasks/${page}: each command prints what the page says`, {
    skip: peer.skip || onPath('curl').skip,
  }, async () => {
    await using instance = await Instance.start()
    for (const { line, command, prints } of pageCommands(readFileSync(new URL(page, tasks), 'utf8'))) {
      const result = await instance.shell(command)
      assert.equal(result.code, 0, `line ${line}: ${command}\n${result.stderr}`)
      if (prints !== undefined) assert.equal(result.stdout.trimEnd(), prints, `line ${line}: ${command}`)
    }
  })
}
