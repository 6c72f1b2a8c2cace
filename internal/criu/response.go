package criu

import (
	"encoding/binary"
	"errors"
)

// errMalformed is what isn't a message.
var errMalformed = errors.New("malformed message")

// A Response is what CRIU answers, or a notification.
type Response struct {
	Type     Type
	Success  bool
	Script   string // of a notification
	PID      int    // of a notification, or of what was restored
	Errno    int
	Message  string
	Features Features
	Version  int // see [Client.Version]
}

// A field is one of a message.
type field struct {
	number int
	value  uint64 // of a number
	bytes  []byte // of anything else
}

// fields calls f for each field of a message.
func fields(data []byte, f func(field) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 {
			return errMalformed
		}
		data = data[n:]
		at := field{number: int(key >> 3)}
		size := uint64(0)
		switch key & 7 {
		case 0:
			if at.value, n = binary.Uvarint(data); n <= 0 {
				return errMalformed
			}
			size = uint64(n)
		case 1:
			size = 8
		case 2:
			if size, n = binary.Uvarint(data); n <= 0 {
				return errMalformed
			}
			data = data[n:]
		case 5:
			size = 4
		default:
			return errMalformed
		}
		if size > uint64(len(data)) {
			return errMalformed
		}
		at.bytes, data = data[:size], data[size:]
		if err := f(at); err != nil {
			return err
		}
	}
	return nil
}

// Decode decodes a criu_resp.
func Decode(data []byte) (*Response, error) {
	r := new(Response)
	return r, fields(data, func(f field) error {
		switch f.number {
		case 1:
			r.Type = Type(f.value)
		case 2:
			r.Success = f.value != 0
		case 4: // criu_restore_resp
			return fields(f.bytes, func(f field) error {
				if f.number == 1 {
					r.PID = int(int32(f.value))
				}
				return nil
			})
		case 5:
			return fields(f.bytes, r.notification)
		case 7:
			r.Errno = int(int32(f.value))
		case 8:
			return fields(f.bytes, r.features)
		case 9:
			r.Message = string(f.bytes)
		case 10:
			return fields(f.bytes, r.version)
		}
		return nil
	})
}

func (r *Response) notification(f field) error {
	switch f.number {
	case 1:
		r.Script = string(f.bytes)
	case 2:
		r.PID = int(int32(f.value))
	}
	return nil
}

func (r *Response) features(f field) error {
	switch f.number {
	case 1:
		r.Features.MemoryTracking = f.value != 0
	case 2:
		r.Features.LazyPages = f.value != 0
	}
	return nil
}

func (r *Response) version(f field) error {
	switch f.number {
	case 1:
		r.Version += 10000 * int(int32(f.value))
	case 2:
		r.Version += 100 * int(int32(f.value))
	case 4:
		r.Version += int(int32(f.value))
	}
	return nil
}
