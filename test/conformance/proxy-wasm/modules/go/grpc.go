package main

import (
	"unsafe"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
)

// The SDK has no gRPC callouts; the ABI's own functions stand beside it.

//go:wasmimport env proxy_grpc_call
func grpcCall(upstream, service, method, metadata, message string, timeout uint32, token *uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func bufferBytes(buffer, start, most uint32, data *uint32, size *uint32) uint32

// The stream that waits for the answer.
var waiting uint32

func (s *stream) callGrpc() {
	var token uint32
	if status := grpcCall("grpc", "s.S", "Echo", "", "hi", 1000, &token); status != 0 {
		panic(status)
	}
	waiting = s.id
}

//go:wasmexport proxy_on_grpc_receive
func onGrpcReceive(_, _, size uint32) {
	var data, length uint32
	bufferBytes(5, 0, size, &data, &length)
	say("grpc 0 %s", unsafe.String((*byte)(unsafe.Pointer(uintptr(data))), length))
	must(proxywasm.SetEffectiveContext(waiting))
	must(proxywasm.ResumeHttpRequest())
}
