import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import { cluster, FILTERS, get, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'

/** Scripts by listener name; cases follow Envoy's documentation of the stream handle API. */
const SCRIPTS: Readonly<Record<string, string>> = {
  headers: `
    function envoy_on_request(h)
      h:headers():add("x-lua", "a"); h:headers():add("x-lua", "b")
      h:headers():replace("x-two", h:headers():getNumValues("x-lua") .. h:headers():getAtIndex("x-lua", 1))
      h:headers():remove("x-gone")
      local names = 0
      for name, value in pairs(h:headers()) do names = names + 1 end
      h:headers():add("x-count", names > 5 and "many" or "few")
    end
    function envoy_on_response(h)
      h:headers():add("x-protocol", h:streamInfo():protocol())
      h:headers():add("x-plain", tostring(h:connection():ssl() == nil))
    end`,
  respond: `
    function envoy_on_request(h)
      if h:headers():get("x-deny") then h:respond({[":status"] = "418", ["x-why"] = "lua"}, "no") end
    end`,
  body: `
    function envoy_on_request(h)
      local body = h:body()
      if body then
        h:headers():add("x-length", body:length())
        body:setBytes(string.upper(body:getBytes(0, body:length())) .. "!")
      end
    end
    function envoy_on_response(h)
      local body = h:body(true)
      body:setBytes("changed " .. body:length())
    end`,
  chunks: `
    function envoy_on_request(h)
      local total = 0
      for chunk in h:bodyChunks() do total = total + chunk:length() end
      h:streamInfo():dynamicMetadata():set("lua", "total", total)
    end
    function envoy_on_response(h)
      h:headers():add("x-total", tostring(h:streamInfo():dynamicMetadata():get("lua")["total"]))
    end`,
  call: `
    function envoy_on_request(h)
      local headers, body = h:httpCall("up", {[":method"] = "POST", [":path"] = "/side", [":authority"] = "side"}, "question", 1000)
      h:headers():add("x-answer", headers[":status"] .. " " .. body)
    end`,
  fails: 'function envoy_on_request(h) h:headers():add("x-before", "1"); error("on purpose") end',
  loops: 'function envoy_on_request(h) while true do end end',
  shims: 'function envoy_on_request(h) h:headers():add("x-shim", unpack({"ok"}) .. math.pow(2, 3)) end',
}

function listener(name: string): string {
  const filter = `{ name: lua, typed_config: { "@type": ${FILTERS}.http.lua.v3.Lua, default_source_code: { inline_string: ${JSON.stringify(SCRIPTS[name])} } } }`
  return httpListener({ name, filters: [filter] })
}

describe('lua', () => {
  let proxy: ProxyHandle
  let up: Running
  const seen = (name: string, options = {}) => get(portOf(proxy, name), '/', options)

  before(async () => {
    up = await upstream((request, response, body) => {
      if (request.url === '/side') response.end(`answer to ${body}`)
      else response.end(JSON.stringify({ headers: request.headers, body }))
    })
    proxy = await testProxy(Object.keys(SCRIPTS).map(listener), [cluster(up.port)])
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  test('headers, streamInfo and connection', async () => {
    const answer = await seen('headers', { headers: { 'x-gone': '1' } })
    const { headers } = JSON.parse(answer.body)
    assert.equal(headers['x-lua'], 'a, b')
    assert.equal(headers['x-two'], '2b')
    assert.equal(headers['x-gone'], undefined)
    assert.equal(headers['x-count'], 'many')
    assert.equal(answer.headers['x-protocol'], 'HTTP/1.1')
    assert.equal(answer.headers['x-plain'], 'true')
  })

  test('respond', async () => {
    const answer = await seen('respond', { headers: { 'x-deny': '1' } })
    assert.deepEqual([answer.status, answer.headers['x-why'], answer.body], [418, 'lua', 'no'])
    assert.equal((await seen('respond')).status, 200)
  })

  test('body() waits for all of it, and setBytes keeps the lengths right', async () => {
    const answer = await seen('body', { method: 'POST', body: 'hello' })
    assert.equal(answer.status, 200)
    assert.match(answer.body, /^changed \d+$/)
    assert.equal(Number(answer.headers['content-length']), answer.body.length)
  })

  test('bodyChunks', async () => {
    assert.equal((await seen('chunks', { method: 'POST', body: 'x'.repeat(300_000) })).headers['x-total'], '300000')
  })

  test('httpCall yields and goes on with the answer', async () => {
    assert.equal(JSON.parse((await seen('call')).body).headers['x-answer'], '200 answer to question')
    const posted = JSON.parse((await seen('call', { method: 'POST', body: 'kept' })).body)
    assert.equal(posted.body, 'kept')
    assert.equal(posted.headers['x-answer'], '200 answer to question')
  })

  test('a failing script lets the request through', async () => {
    assert.equal(JSON.parse((await seen('fails')).body).headers['x-before'], '1')
  })

  test('an endless script is stopped', async () => {
    assert.equal((await seen('loops')).status, 200)
  })

  test('names of Lua 5.1', async () => {
    assert.equal(JSON.parse((await seen('shims')).body).headers['x-shim'], 'ok8')
  })

  test('a script that does not compile is refused with its line', async () => {
    const filter = `{ name: lua, typed_config: { "@type": ${FILTERS}.http.lua.v3.Lua, inline_code: "function (" } }`
    await assert.rejects(testProxy([httpListener({ filters: [filter] })], [cluster(up.port)]), /lua:1:/)
  })
})
