package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func (f *faults) web() {
	c := f.c
	host, ok := f.listen()
	if c.PublicURL == "" && ok && loopback(host) {
		c.PublicURL = "http://localhost" + c.Listen[strings.LastIndex(c.Listen, ":"):]
	}
	var public *url.URL
	if ok || c.PublicURL != "" {
		public = f.publicURL()
	}
	f.proxies()
	if (c.TLSCert == "") != (c.TLSKey == "") {
		f.add("tls-cert", "goes together with tls_key; give both files, or neither behind a reverse proxy")
		return
	}
	if !ok || public == nil {
		return
	}
	ownTLS, proxied := c.TLSCert != "", len(c.TrustedProxies) > 0
	switch {
	case public.Scheme == "http" && ownTLS:
		f.add("public-url", fmt.Sprintf("%q must begin with https://, since tls_cert is set", c.PublicURL))
	case public.Scheme == "http" && !loopback(host):
		f.add("listen", fmt.Sprintf("%q can be reached from other machines, without encryption; listen on 127.0.0.1, or use https: tls_cert and tls_key, or a reverse proxy in trusted_proxies", c.Listen))
	case public.Scheme == "https" && !ownTLS && !proxied:
		f.add("public-url", fmt.Sprintf("%q needs somebody to speak https: give tls_cert and tls_key, or list the reverse proxy that does it in trusted_proxies (127.0.0.1 for one on this machine)", c.PublicURL))
	}
}

// monitoring: no name of a machine, which may come to mean another one, and not every interface by accident.
func (f *faults) monitoring() {
	if at := f.c.MetricsListen; at != "" {
		host, port, err := net.SplitHostPort(at)
		_, badIP := netip.ParseAddr(host)
		if err != nil || !validPort(port) || host != "localhost" && badIP != nil {
			f.add("metrics-listen", fmt.Sprintf("%q is not an address to listen on; use an IP address or localhost, and a port, such as 127.0.0.1:9464", at))
		}
		if at == f.c.Listen {
			f.add("metrics-listen", fmt.Sprintf("%q is the portal's own address (listen), which everybody reaches; use another port", at))
		}
	}
	if to := f.c.TracesTo; to != "" {
		u, err := url.Parse(to)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			f.add("traces-to", fmt.Sprintf("%q must be https://HOST/PATH without a password, or http:// on this machine", redacted(u, to)))
		}
	}
}

func (f *faults) listen() (host string, ok bool) {
	host, port, err := net.SplitHostPort(f.c.Listen)
	n, badPort := strconv.ParseUint(port, 10, 16)
	_, badIP := netip.ParseAddr(host)
	if err != nil || badPort != nil || strconv.FormatUint(n, 10) != port || host != "" && host != "localhost" && badIP != nil {
		f.add("listen", fmt.Sprintf("%q is not an address to listen on; use an IP address (or localhost, or nothing for every interface) and a port, such as 127.0.0.1:8080 or :8443", f.c.Listen))
		return "", false
	}
	return host, true
}

// publicURL checks and normalises: lower case, no slash at the end, no port that the scheme implies. nil: refused.
func (f *faults) publicURL() *url.URL {
	const example = "such as https://stint.example.org"
	raw := f.c.PublicURL
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	fault := ""
	switch {
	case raw == "":
		fault = "is needed, since listen is not on loopback; give the address people open, " + example
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil:
		fault = fmt.Sprintf("%q is not an address people can open, %s", redacted(u, raw), example)
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		fault = fmt.Sprintf("%q must be scheme and host only; Stint needs a host name of its own, %s", raw, example)
	case net.ParseIP(u.Hostname()) != nil:
		// WebAuthn Level 3, section 5.1.2: the RP id is a domain string, so an IP address can have no passkeys.
		fault = fmt.Sprintf("%q is an IP address, for which browsers make no passkeys; use a host name, %s (or http://localhost:PORT on this machine)", raw, example)
	case !hostName(u.Hostname()):
		fault = fmt.Sprintf("%q has no usable host name: letters, digits, dashes and dots; an international name in its xn-- form", raw)
	case u.Port() != "" && !validPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		fault = fmt.Sprintf("%q has no usable port; use 1 to 65535, or leave it out", raw)
	case u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost"):
		fault = fmt.Sprintf("%q must begin with https://; http:// is for http://localhost only", raw)
	}
	if fault != "" {
		f.add("public-url", fault)
		return nil
	}
	u.Host = strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	f.c.PublicURL = u.String()
	return u
}

// redacted leaves a password that somebody put into a URL out of the error.
func redacted(u *url.URL, raw string) string {
	if u == nil {
		return "(not a URL)"
	}
	if u.User != nil {
		return u.Redacted()
	}
	return raw
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func hostName(host string) bool {
	for label := range strings.SplitSeq(strings.ToLower(host), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(host) <= 253
}

func (f *faults) proxies() {
	for _, text := range f.c.TrustedProxies {
		switch p, err := parsePrefix(text); {
		case err != nil:
			f.add("trusted-proxies", fmt.Sprintf("%q is not an IP address or network; write it like 127.0.0.1 or 10.0.0.0/24", text))
		case p.Bits() == 0:
			f.add("trusted-proxies", fmt.Sprintf("%q would let anyone choose the address they seem to come from; list your proxies only", text))
		}
	}
}

func parsePrefix(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func scheme(rawURL string) string {
	s, _, _ := strings.Cut(rawURL, "://")
	return s
}
