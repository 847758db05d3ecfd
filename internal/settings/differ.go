package settings

import "reflect"

// Differing gives the paths of the settings that are not the same in both, in document order; of a list the whole.
func Differing(a, b Settings) []string {
	return differing(reflect.ValueOf(a), reflect.ValueOf(b), "")
}

func differing(a, b reflect.Value, prefix string) []string {
	var found []string
	for f := range a.Type().Fields() {
		path, left, right := join(prefix, fieldName(f)), a.FieldByIndex(f.Index), b.FieldByIndex(f.Index)
		switch {
		case f.Type.Kind() == reflect.Struct:
			found = append(found, differing(left, right, path)...)
		case !reflect.DeepEqual(left.Interface(), right.Interface()):
			found = append(found, path)
		}
	}
	return found
}
