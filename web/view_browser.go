package web

import (
	"strings"
	"unicode"
)

// maxBrowser is how much of a name nobody knows is kept, in characters.
const maxBrowser = 60

// browsers and systems by what their User-Agent says; the first that fits counts, since most also claim to be others.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}
	systems = [][2]string{{"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Macintosh", "macOS"},
		{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"}}
)

// browserWords says browser and system in words, such as "Firefox on Linux". It is for people to recognise, and
// whoever sends it may write anything: nothing is decided by it.
func browserWords(agent string) string {
	browser, system := firstIn(agent, browsers), firstIn(agent, systems)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	}
	own := plainText(agent)
	switch {
	case own == "":
		return "Unknown browser"
	case system != "":
		return "Unknown browser on " + system
	}
	return own
}

func firstIn(text string, words [][2]string) string {
	for _, w := range words {
		if strings.Contains(text, w[0]) {
			return w[1]
		}
	}
	return ""
}

// plainText keeps the beginning of a text, without what does not print or changes its direction.
func plainText(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	runes := []rune(strings.TrimSpace(clean))
	return string(runes[:min(len(runes), maxBrowser)])
}
