package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show which build this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return notDone("this build holds no version")
			}
			a.print("threatshare %s, %s\n", build(info), info.GoVersion)
			return nil
		},
	}
}

// build names the module version and, where the build knows it, the commit.
func build(info *debug.BuildInfo) string {
	text := info.Main.Version
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			text += ", commit " + setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			text += " with changes"
		}
	}
	return text
}
