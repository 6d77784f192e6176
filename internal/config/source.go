package config

import "github.com/alecthomas/kong"

// BeforeResolve is a hook of kong: it adds the environment and the file named by --config or STINT_CONFIG as sources,
// the environment before the file. An empty variable counts as not set.
func (c *Config) BeforeResolve(ctx *kong.Context, env LookupEnv) error {
	c.where = map[string]string{}
	path, _ := env(envName("config"))
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path = ctx.FlagValue(p.Flag).(string)
		}
	}
	var file map[string]entry
	if path != "" {
		var err error
		if file, err = readFile(path); err != nil {
			return err
		}
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if !IsField(flag.Name) {
			return nil, nil // a flag of the command's own
		}
		if v, _ := env(envName(flag.Name)); v != "" {
			c.where[flag.Name] = "the environment variable " + envName(flag.Name)
			return v, nil
		}
		if e, ok := file[flag.Name]; ok {
			c.where[flag.Name] = e.where
			return e.value, nil
		}
		return nil, nil
	}))
	return nil
}

// AfterApply is a hook of kong: it notes which flags were given and completes the configuration.
func (c *Config) AfterApply(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved && IsField(p.Flag.Name) {
			c.where[p.Flag.Name] = "the flag --" + p.Flag.Name
		}
	}
	return c.Complete()
}
