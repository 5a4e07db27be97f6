package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/embedded"
)

// faultField makes the field of a fault, or of several at once, with commas or + between; or of a word in their place.
func faultField(at *string, word string) field {
	return fieldOf(at, aList, func(text string) (string, error) {
		several := strings.ContainsAny(text, "+,")
		names, err := splitList(strings.ReplaceAll(text, "+", ","), func(name string) error {
			err := checkFault(name)
			switch {
			case err != nil && several:
				return fmt.Errorf("%q %w", name, err)
			case name == word:
				return nil
			}
			return err
		})
		all := strings.Join(names, "+")
		if _, ok := embedded.FaultNamed(all); err == nil && !ok && all != word {
			err = errors.New("has two races; only one can be there at a time, so use one")
		}
		return all, err
	}, strings.Clone)
}

// checkFault says of a name that no fault has it.
func checkFault(name string) error {
	if _, ok := embedded.FaultNamed(name); ok {
		return nil
	}
	names := plain.Texts(slices.Concat(embedded.Faults, embedded.Races), func(f embedded.Fault) string { return f.Name })
	return fmt.Errorf("is no fault; %s", suggestion(nearest(name, names), "conform serve --fault list"))
}
