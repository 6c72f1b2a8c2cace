package state

// WriteBeside writes down that the container is run beside another one, by debug: it is deleted when its program ends, and garbage if it
// isn't, and it ends with the other. No configuration can say that.
func (e *Entry) WriteBeside(id string) error { return e.WriteFile(besideName, []byte(id)) }

// Beside is the id of the other container; "" if there is none.
func (e *Entry) Beside() string {
	id, err := e.read(besideName)
	if err != nil {
		return ""
	}
	return string(id)
}
