package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// answer is a response the door gives itself.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.code)
	w.Write(a.body)
}

func (a *answer) set(name, value string) *answer {
	a.header.Set(name, value)
	return a
}

func textAnswer(code int, contentType, text string) *answer {
	return &answer{code: code, header: http.Header{"Content-Type": {contentType}}, body: []byte(text)}
}

func jsonAnswer(code int, value any) *answer {
	return textAnswer(code, "application/json", string(marshal(value)))
}

// statusAnswer is a failure as the API server words it: a meta/v1 Status.
func statusAnswer(code int, message string, details map[string]any) *answer {
	status := map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{},
		"status": "Failure", "reason": statusReason(code), "message": message, "code": code,
	}
	if details != nil {
		status["details"] = details
	}
	return jsonAnswer(code, status)
}

// statusReason follows k8s.io/apimachinery's NewGenericServerResponse.
func statusReason(code int) string {
	reasons := map[int]string{
		http.StatusBadRequest:            "BadRequest",
		http.StatusUnauthorized:          "Unauthorized",
		http.StatusForbidden:             "Forbidden",
		http.StatusNotFound:              "NotFound",
		http.StatusMethodNotAllowed:      "MethodNotAllowed",
		http.StatusNotAcceptable:         "NotAcceptable",
		http.StatusConflict:              "Conflict",
		http.StatusGone:                  "Expired",
		http.StatusRequestEntityTooLarge: "RequestEntityTooLarge",
		http.StatusUnsupportedMediaType:  "UnsupportedMediaType",
		http.StatusUnprocessableEntity:   "Invalid",
		http.StatusTooManyRequests:       "TooManyRequests",
		http.StatusServiceUnavailable:    "ServiceUnavailable",
		http.StatusGatewayTimeout:        "Timeout",
	}
	if reason, known := reasons[code]; known {
		return reason
	}
	if code >= 500 {
		return "InternalError"
	}
	return ""
}

// marshal keeps <, > and & as they are: a rewritten document should differ in nothing else.
func marshal(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("marshal %T: %v", value, err)) // only values built here come in
	}
	return buffer.Bytes()
}
