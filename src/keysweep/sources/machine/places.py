"""The places where a machine keeps keys, or where they are left behind: one table.

Globs begin with the home (`~`) or with a directory that each system has somewhere else: `$CONFIG`, `$DATA`,
`$STATE`, `$CACHE`, and `$APPS`, where programs with windows keep their settings. A name may have `*`, `?` and
`{a,b}`. What a glob leads to is read, a directory with everything in it. All are looked for on every system: what
is not there costs nothing.
"""

from __future__ import annotations

from enum import StrEnum

from keysweep.frozen import frozen


class Nature(StrEnum):
    """What a place is for; that decides what a key in it is worth, and which practice it belongs to."""

    SDK = "AWS's own files"
    CACHE = "credentials that a sign-in left for some hours"
    TOOL = "settings of a tool"
    STARTUP = "what shells and sessions begin with"
    HISTORY = "what was typed"
    LEFTOVER = "copies that a program, or a person, left behind"
    ENVIRONMENT = "the environment of processes"


PRACTICE = {
    Nature.SDK: 7,
    Nature.CACHE: 7,
    Nature.TOOL: 9,
    Nature.STARTUP: 3,
    Nature.HISTORY: 3,
    Nature.LEFTOVER: 3,
    Nature.ENVIRONMENT: 9,
}
"""Number of the practice that says how to do without."""


@frozen
class Place:
    """One kind of place."""

    what: str
    nature: Nature
    globs: tuple[str, ...]
    instead: str
    """What would take the place of a key there, as a sentence."""
    variables: tuple[str, ...] = ()
    """Variables of the environment that name another file or directory for it."""
    keeps_secrets: bool = False
    """Whether it is there to keep secrets, so that nobody else should read it, whether a key is in it or not."""


_SIGN_IN = "Sign in for some hours with `aws sso login`, or `aws login`."
_CHAIN = "Leave the key out: it then takes a profile or a role, as every SDK does."
_DELETE = "Delete it: nothing reads it any more."
_EDITOR = "Delete it, and keep the editor from making copies of files with secrets."
_TYPED = "Take the line out, and let a tool ask for secrets or read them from a file."
_EXPORT = "Export AWS_PROFILE, with the name of a profile that signs in, in place of the key."
_PODS = "Let `aws eks update-kubeconfig` write it, without keys, and give pods a role."
_EDITORS = "{Code,Code - Insiders,Code - OSS,VSCodium,Cursor,Windsurf}"

PLACES = (
    Place(
        "AWS credentials file",
        Nature.SDK,
        ("~/.aws/credentials",),
        _SIGN_IN,
        ("AWS_SHARED_CREDENTIALS_FILE",),
        keeps_secrets=True,
    ),
    Place("AWS config file", Nature.SDK, ("~/.aws/config",), _SIGN_IN, ("AWS_CONFIG_FILE",), keeps_secrets=True),
    Place("history of the AWS CLI", Nature.HISTORY, ("~/.aws/cli/history", "~/.aws/shell"), _TYPED),
    Place(
        "cache of the AWS CLI",
        Nature.CACHE,
        ("~/.aws/cli/cache", "~/.aws/sso/cache", "~/.aws/login/cache", "~/.aws/boto/cache"),
        "`aws sso logout` empties it.",
        keeps_secrets=True,
    ),
    Place(
        "files of a tool that signs in",
        Nature.CACHE,
        (
            "~/{.awsvault,.granted,.dgranted,.awsume,.saml2aws,.aws-sso,.aws-okta,.okta,.Leapp,.okta_aws_login_config}",
            "$CONFIG/{awsume,granted,aws-sso}",
        ),
        "Let it keep keys in the keychain of the system.",
        keeps_secrets=True,
    ),
    Place(
        "settings of a tool for AWS",
        Nature.TOOL,
        (
            "~/{.aws-sam,.cdk.json,.cdk,.amplify,.amplifyrc,.serverlessrc,.serverless,.elasticbeanstalk,.copilot,.chalice}",
            "~/.aws/{amplify,cli/alias}",
            "~/.ecs/{config,credentials}",
            "$APPS/AWS SAM",
        ),
        _CHAIN,
    ),
    Place("other files in ~/.aws", Nature.LEFTOVER, ("~/.aws",), _DELETE, keeps_secrets=True),
    Place(
        "key file from the AWS console",
        Nature.LEFTOVER,
        ("~/{,Downloads/,Desktop/,Documents/}*{accessKeys,rootkey,credentials}*.csv",),
        _DELETE,
        keeps_secrets=True,
    ),
    Place("boto configuration", Nature.TOOL, ("~/.boto", "/etc/boto.cfg"), _CHAIN, ("BOTO_CONFIG",), True),
    Place(
        "s3cmd and s3fs configuration",
        Nature.TOOL,
        ("~/{.s3cfg,.passwd-s3fs,.s3ql,.s4cmd,.s5cfg}", "/etc/passwd-s3fs"),
        "Leave access_key and secret_key out, or mount with `-o iam_role=auto`: both then ask for a role.",
        ("S3CMD_CONFIG",),
        keeps_secrets=True,
    ),
    Place(
        "rclone configuration",
        Nature.TOOL,
        ("$CONFIG/rclone/rclone.conf", "~/.rclone.conf"),
        "Set `env_auth = true` and leave the key out: it then takes a profile or a role.",
        ("RCLONE_CONFIG",),
        keeps_secrets=True,
    ),
    Place(
        "configuration of an S3 client",
        Nature.TOOL,
        (
            "~/{.mc,mc,.mcli}/config.json",
            "$CONFIG/{mc,goofys,s3fs,duck}",
            "~/.duck",
            "$APPS/Cyberduck",
            "~/Library/Group Containers/*duck/Library/Application Support/duck",
        ),
        _CHAIN,
        keeps_secrets=True,
    ),
    Place(
        "configuration of a backup",
        Nature.TOOL,
        (
            "~/{.restic*,.duply,.kopia,.wal-g.json,.walg.json}",
            "$CONFIG/{restic,resticprofile,duplicity,duply,borgmatic,kopia,rustic,autorestic,.autorestic.yml}",
            "$APPS/Duplicati",
        ),
        "Give the machine that makes it a role; elsewhere a user who may only add to that bucket.",
        keeps_secrets=True,
    ),
    Place(
        "Terraform and Packer configuration",
        Nature.TOOL,
        (
            "~/{.terraformrc,terraform.rc,.tofurc,.packerconfig}",
            "~/.terraform.d/*.{json,tfrc,hcl,tf}",
            "$CONFIG/{opentofu/*.rc,packer}",
            "~/.packer.d/*.{json,hcl}",
            "~/*.{tfvars,tfstate,tfstate.backup,pkrvars.hcl}",
        ),
        "Leave the key out of providers and backends: they take a profile, a role, or OIDC in CI.",
        ("TF_CLI_CONFIG_FILE",),
        keeps_secrets=True,
    ),
    Place(
        "Pulumi, Ansible and Vagrant configuration",
        Nature.TOOL,
        (
            "~/.pulumi/{credentials.json,config.json,stacks,workspaces}",
            "~/{.ansible.cfg,.vault_pass,.vault-pass,.salt}",
            "~/.ansible/*.{yml,yaml,ini,cfg}",
            "~/.vagrant.d/Vagrantfile",
            "~/.chef/{knife.rb,config.rb,credentials}",
        ),
        _CHAIN,
        ("ANSIBLE_CONFIG",),
    ),
    Place(
        "Hadoop and Spark configuration",
        Nature.TOOL,
        (
            "~/{,conf/,hadoop/,hadoop/etc/hadoop/,hive/conf/,spark/conf/}*-site.xml",
            "~/{.spark,spark/conf}/*.conf",
        ),
        "Name a provider of role credentials in fs.s3a.aws.credentials.provider, and leave the keys out.",
        ("HADOOP_CONF_DIR", "SPARK_CONF_DIR", "HIVE_CONF_DIR"),
    ),
    Place(
        "settings of a package manager",
        Nature.TOOL,
        (
            "~/.m2/{settings.xml,settings-security.xml}",
            "~/.gradle/{gradle.properties,init.gradle,init.gradle.kts,init.d}",
            "~/{.sbt,.ivy2}/{*.sbt,.credentials,credentials,1.0/*.sbt}",
            "~/{.npmrc,.yarnrc,.yarnrc.yml,.pypirc,.condarc,.bunfig.toml}",
            "~/.pip/pip.{conf,ini}",
            "$CONFIG/pip/pip.{conf,ini}",
            "~/AppData/Roaming/pip/pip.ini",
            "~/.cargo/{config,config.toml,credentials,credentials.toml}",
            "~/{.gem/credentials,.bundle/config,.composer/auth.json}",
            "$CONFIG/{composer/auth.json,NuGet/NuGet.Config,pypoetry/auth.toml,pypoetry/config.toml}",
        ),
        "Sign in to the repository for some hours (`aws codeartifact login`), or by a role.",
        ("NPM_CONFIG_USERCONFIG", "PIP_CONFIG_FILE"),
    ),
    Place(
        "password file",
        Nature.TOOL,
        (
            "~/{.netrc,_netrc,.pgpass,.my.cnf,.git-credentials,.ssh/environment}",
            "$CONFIG/git/credentials",
            "~/AppData/Roaming/postgresql/pgpass.conf",
        ),
        "Let a helper get it when it is needed (`git config credential.helper`, IAM tokens of RDS).",
        ("NETRC", "PGPASSFILE"),
        keeps_secrets=True,
    ),
    Place(
        "settings of a client",
        Nature.TOOL,
        ("~/{.gitconfig,.curlrc,.wgetrc,.ssh/config}", "$CONFIG/git/config"),
        _CHAIN,
    ),
    Place(
        "file of environment variables",
        Nature.STARTUP,
        ("~/{.env,.env.*,*.env,.envrc,.direnvrc,.secrets*}", "$CONFIG/direnv", "~/{docker,compose,stacks}*/.env"),
        _EXPORT,
    ),
    Place(
        "shell start-up file",
        Nature.STARTUP,
        (
            "~/{.bashrc,.bash_profile,.bash_login,.bash_logout,.bash_aliases,.profile,.kshrc,.cshrc,.tcshrc,.login}",
            "~/{.zshrc,.zshenv,.zprofile,.zlogin,.zlogout,.xprofile,.xsessionrc,.pam_environment,.aliases,.exports}",
            "$CONFIG/fish/{config.fish,fish_variables,conf.d,functions}",
            "$CONFIG/{environment.d,nushell,powershell}",
            "$APPS/nushell/*.nu",
            "~/Documents/{PowerShell,WindowsPowerShell}/*.ps1",
            "~/.oh-my-zsh/custom/*.zsh",
            "/etc/{environment,profile,profile.d,bash.bashrc,bashrc,zshenv,launchd.conf}",
        ),
        _EXPORT,
    ),
    Place(
        "service or timer of yours",
        Nature.STARTUP,
        (
            "$CONFIG/systemd/user",
            "$DATA/systemd/user",
            "~/Library/LaunchAgents",
            "/var/spool/cron/{,crontabs/}$USER",
            "/var/at/tabs/$USER",
        ),
        "Name a profile in it; on an instance or in a container give it a role.",
    ),
    Place(
        "shell history",
        Nature.HISTORY,
        (
            "~/{.bash_history*,.zsh_history*,.zhistory,.histfile,.history,.sh_history,.ksh_history,.ash_history}",
            "~/{.bash_sessions,.zsh_sessions}",
            "$DATA/fish/*fish_history*",
            "$DATA/{atuin/history.db*,mcfly/history.db}",
            "$CONFIG/nushell/history.*",
            "$DATA/powershell/PSReadLine",
            "~/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine",
        ),
        "Take the line out with an editor, and end the shells that know it, which else write it again.",
        ("HISTFILE",),
    ),
    Place(
        "history of a console",
        Nature.HISTORY,
        (
            "~/{.python_history*,.node_repl_history,.psql_history*,.mysql_history,.mariadb_history,.sqlite_history}",
            "~/{.lesshst,.rediscli_history,.irb_history,.pry_history,.Rhistory,.dbshell,.scala_history,.ts_node_repl_history}",
            "~/.ipython/profile_*/history.sqlite",
            "~/.mongodb/mongosh",
            "$STATE/{lesshst,python_history,mycli-history}",
            "~/.local/share/jupyter/runtime/*.log",
        ),
        _TYPED,
        (
            "PYTHON_HISTORY",
            "PSQL_HISTORY",
            "MYSQL_HISTFILE",
            "SQLITE_HISTORY",
            "NODE_REPL_HISTORY",
            "LESSHISTFILE",
        ),
    ),
    Place(
        "leftover of vim, emacs or nano",
        Nature.LEFTOVER,
        (
            "~/{.viminfo,.vim/undo*,.vim/swap*,.vim/backup*,.vim/tmp,.vim/.swp,.vim/.undo,.vim/.backup,.vimundo}",
            "$STATE/nvim/{undo,swap,backup,shada}",
            "$DATA/nvim/{undo,swap,backup,shada}",
            "~/{*~,.*~,#*#,.*.sw[a-p],*.save}",
            "~/.emacs.d/{backups,backup,auto-save-list,auto-saves,saves,autosave,.local/cache/backup}",
            "$CONFIG/emacs/{backups,auto-save-list}",
            "~/.nano",
            "$DATA/nano",
        ),
        _EDITOR,
    ),
    Place(
        "settings or leftover of VS Code and its kin",
        Nature.LEFTOVER,
        (
            f"$APPS/{_EDITORS}/User/{{settings.json,History,workspaceStorage,sync,snippets,globalStorage/*.vscdb*}}",
            f"$APPS/{_EDITORS}/{{Backups,Workspaces}}",
            "~/{.vscode,.cursor}/*.json",
            "~/{.vscode-server,.cursor-server}/data/User/{History,workspaceStorage,globalStorage/*.vscdb*}",
        ),
        _EDITOR,
    ),
    Place(
        "settings or leftover of another editor",
        Nature.LEFTOVER,
        (
            "$APPS/{JetBrains,Google}/*/{options,scratches,consoles,workspace}",
            "$CACHE/{JetBrains,Google}/*/LocalHistory",
            "~/.{IntelliJIdea,PyCharm,WebStorm,GoLand}*/{config/options,config/scratches,system/LocalHistory}",
            "$APPS/{sublime-text*,Sublime Text*}/{Local/*.sublime_session,Packages/User/*.sublime-settings}",
            "$CONFIG/zed/*.json",
            "~/AppData/Roaming/Notepad++/{backup,session.xml}",
        ),
        _EDITOR,
    ),
    Place(
        "notebook",
        Nature.LEFTOVER,
        (
            "~/{,*/,Documents/*/}*.ipynb",
            "~/{,*/,Documents/*/}.ipynb_checkpoints",
            "~/{notebooks,Notebooks,jupyter,Jupyter}",
            "~/.jupyter/*.{py,json}",
        ),
        "Take the key out of code and outputs (`jupyter nbconvert --clear-output`), and name a profile.",
    ),
    Place(
        "Docker configuration",
        Nature.TOOL,
        (
            "~/.docker/{config.json,daemon.json,contexts}",
            "~/.dockercfg",
            "$CONFIG/containers/auth.json",
            "~/{docker-compose,compose}*.{yml,yaml}",
        ),
        "Let a helper sign in to registries (docker-credential-ecr-login), and give containers a role.",
        ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE"),
        keeps_secrets=True,
    ),
    Place(
        "Kubernetes configuration",
        Nature.TOOL,
        ("~/.kube/config",),
        _PODS,
        ("KUBECONFIG",),
        keeps_secrets=True,
    ),
    Place(
        "caches and tools of Kubernetes",
        Nature.TOOL,
        ("~/.kube", "~/.minikube/config", "$CONFIG/{k9s,helm}", "~/.helm", "$CACHE/helm/repository/*.yaml"),
        _PODS,
    ),
    Place(
        "configuration of CI",
        Nature.TOOL,
        (
            "~/.jenkins/{*.xml,jobs/*/config.xml}",
            "~/{.gitlab-runner,.buildkite-agent}",
            "~/actions-runner/{.env,.credentials*,.runner,_diag}",
            "$CONFIG/{gh/hosts.yml,glab-cli,act}",
            "~/{.circleci/cli.yml,.travis/config.yml,.actrc,.act.env}",
        ),
        "Let the jobs take a role by OIDC.",
        keeps_secrets=True,
    ),
)
"""A file that several lead to belongs to the first of them."""
