package pim

import "time"

// t0 is the instant tests start at.
var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
