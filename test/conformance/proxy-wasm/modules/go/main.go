// Every capability of the Go SDK, one at a time: the plugin's configuration names it (cases/sdks.ts).
package main

import (
	"fmt"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetVMContext(&vm{})
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func say(format string, args ...any) {
	proxywasm.LogInfo(fmt.Sprintf(format, args...))
}

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct {
	types.DefaultPluginContext
	what string
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	configuration, err := proxywasm.GetPluginConfiguration()
	must(err)
	p.what = string(configuration)
	if p.what == "tick" {
		must(proxywasm.SetTickPeriodMilliSeconds(20))
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) OnTick() {
	say("tick")
	must(proxywasm.SetTickPeriodMilliSeconds(0))
}

func (p *plugin) OnQueueReady(queue uint32) {
	if item, err := proxywasm.DequeueSharedQueue(queue); err == nil {
		say("queue %s", item)
	}
}

func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	if p.what == "network" {
		return nil
	}
	return &stream{id: id, what: p.what}
}

func (p *plugin) NewTcpContext(uint32) types.TcpContext {
	if p.what != "network" {
		return nil
	}
	return &connection{}
}

type stream struct {
	types.DefaultHttpContext
	id   uint32
	what string
}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	switch s.what {
	case "headers":
		value, err := proxywasm.GetHttpRequestHeader("x-a")
		must(err)
		say("x-a %s", value)
		must(proxywasm.AddHttpRequestHeader("x-added", "1"))
		must(proxywasm.RemoveHttpRequestHeader("x-b"))
	case "body":
		must(proxywasm.RemoveHttpRequestHeader("content-length"))
	case "properties":
		s.properties()
	case "shared":
		s.shared()
	case "metrics":
		counter := proxywasm.DefineCounterMetric("go_counter")
		counter.Increment(3)
		say("counter %d", counter.Value())
	case "foreign":
		packed, err := proxywasm.CallForeignFunction("compress", []byte("hello"))
		must(err)
		back, err := proxywasm.CallForeignFunction("uncompress", packed)
		must(err)
		say("foreign %s", back)
	case "local-reply":
		must(proxywasm.SendHttpResponse(403, [][2]string{{"x-l", "1"}}, []byte("no"), -1))
		return types.ActionPause
	case "http-callout":
		headers := [][2]string{{":method", "GET"}, {":path", "/callout/201"}, {":authority", "called"}}
		_, err := proxywasm.DispatchHttpCall("upstream", headers, []byte("hi"), nil, 1000, called)
		must(err)
		return types.ActionPause
	case "grpc-callout":
		s.callGrpc()
		return types.ActionPause
	}
	return types.ActionContinue
}

func called(_, bodySize, _ int) {
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	must(err)
	for _, header := range headers {
		if header[0] == ":status" {
			say("called %s", header[1])
		}
	}
	body, err := proxywasm.GetHttpCallResponseBody(0, bodySize)
	must(err)
	say("%s", body)
	must(proxywasm.ResumeHttpRequest())
}

func (s *stream) properties() {
	path, err := proxywasm.GetProperty([]string{"request", "path"})
	must(err)
	say("path %s", path)
	must(proxywasm.SetProperty([]string{"mine"}, []byte("own")))
	mine, err := proxywasm.GetProperty([]string{"mine"})
	must(err)
	say("mine %s", mine)
	if _, err := proxywasm.GetProperty([]string{"no", "such"}); err == types.ErrorStatusNotFound {
		say("none none")
	}
}

func (s *stream) shared() {
	must(proxywasm.SetSharedData("go-key", []byte("value"), 0))
	value, _, err := proxywasm.GetSharedData("go-key")
	must(err)
	say("data %s", value)
	queue, err := proxywasm.RegisterSharedQueue("go-queue")
	must(err)
	must(proxywasm.EnqueueSharedQueue(queue, []byte("item")))
}

func (s *stream) OnHttpRequestBody(size int, end bool) types.Action {
	if s.what != "body" {
		return types.ActionContinue
	}
	if !end {
		return types.ActionPause
	}
	body, err := proxywasm.GetHttpRequestBody(0, size)
	must(err)
	say("body %s", body)
	must(proxywasm.ReplaceHttpRequestBody([]byte(strings.ToUpper(string(body)))))
	return types.ActionContinue
}

func (s *stream) OnHttpRequestTrailers(int) types.Action {
	if s.what == "trailers" {
		value, err := proxywasm.GetHttpRequestTrailer("t")
		must(err)
		say("t %s", value)
		must(proxywasm.AddHttpRequestTrailer("n", "9"))
	}
	return types.ActionContinue
}

func (s *stream) OnHttpResponseHeaders(int, bool) types.Action {
	if s.what == "headers" {
		must(proxywasm.AddHttpResponseHeader("x-resp", "1"))
	}
	return types.ActionContinue
}

type connection struct{ types.DefaultTcpContext }

func (*connection) OnDownstreamData(size int, _ bool) types.Action {
	if size == 0 {
		return types.ActionContinue
	}
	data, err := proxywasm.GetDownstreamData(0, size)
	must(err)
	say("data %s", data)
	must(proxywasm.AppendDownstreamData([]byte("!")))
	return types.ActionContinue
}
