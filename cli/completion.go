package cli

import (
	"fmt"
	"slices"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/suggest"
)

var completionCommand = command{
	name:      "completion",
	usage:     "write a shell's script for completion",
	argsUsage: "bash|zsh|fish",
	minArgs:   1,
	maxArgs:   1,
	description: `Writes a script for a shell, which then completes commands, options, their
values, and ids: of those containers that a command can do something with. make
install puts it where the shells look for it.

EXAMPLE:
   # source <(rung completion bash)
   # rung completion fish > ~/.config/fish/completions/rung.fish`,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			i := slices.IndexFunc(shells[:], func(s shell) bool { return s.name == args[0] })
			if i < 0 {
				return fmt.Errorf("unknown shell %q: it can be %s%s", args[0], strings.Join(shellNames(), ", "), suggest.Meant(args[0], shellNames(), ""))
			}
			return a.print([]byte(shells[i].script))
		}
	},
}

func shellNames() (names []string) {
	for _, s := range shells {
		names = append(names, s.name)
	}
	return names
}

// shell is one that has a script. All that they know of rung is completeCommand.
type shell struct{ name, script string }

var shells = [...]shell{
	{"bash", `# bash completion for rung
_rung() {
	local line word cur= option=
	local -a words
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		case $word in
		[\'\"]*) word=${word:1} word=${word%[\'\"]} ;;
		*) IFS= read word <<<"$word" ;; # without the backslashes
		esac
		words+=("$word") cur=$word
	done
	case $cur in
	=) cur= ;;
	--*=*) option=${cur%%=*}= cur=${cur#*=} ;;
	esac
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -P "$option" -- "$cur") ;;
		:dirs) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -P "$option" -- "$cur") ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _rung rung
`},
	{"zsh", `#compdef rung
_rung() {
	local line
	local -a list
	for line in "${(@f)$(${words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		case $line in
		:files) compset -P 1 '--*='; _files ;;
		:dirs) compset -P 1 '--*='; _files -/ ;;
		?*) list+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	(( $#list )) && _describe rung list
}
if [[ $funcstack[1] == _rung ]]; then
	_rung "$@"
else
	compdef _rung rung
fi
`},
	{"fish", `# fish completion for rung
function __rung_complete
	set -l token (commandline -ct)
	set -l words (commandline -opc) $token
	set -l option (string match -r -- '^--[^=]+=' "$token")
	set -l value (string replace -r -- '^--[^=]+=' '' "$token")
	for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
		switch $line
			case ':files'
				complete -C "'' $value" | string replace -r -- '^' "$option"
			case ':dirs'
				__fish_complete_directories "$value" | string replace -r -- '^' "$option"
			case '*'
				echo $line
		end
	end
end
complete -c rung -f -a '(__rung_complete)'
`},
}
