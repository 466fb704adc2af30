"""`voxgate certs`: which certificates clients are shown; renew, verify, ask for, import one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.certs.request import Requests, paired
from voxgate.certs.shelf import KEY_MODE
from voxgate.certs.store import DEFAULT, wanted_names
from voxgate.cli.asking import ask_and_tell
from voxgate.cli.output import print_json
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.config.certificates import Certificate, KeyType
from voxgate.config.chain import covers
from voxgate.config.load import load
from voxgate.config.save import set_value
from voxgate.config.scalars import parse_pbx_name
from voxgate.errors import ExitCode, UsageError
from voxgate.host import files
from voxgate.wire.certs_request import CertsAction, CertsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.config.model import Config


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    parser.set_defaults(certs=_ask, action=CertsAction.LIST, name=None)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    renew = actions.add_parser("renew", help="order by ACME now, whatever is due")
    renew.add_argument("name", nargs="?", help="one of `voxgate certs`; default: all that ACME signs")
    renew.set_defaults(action=CertsAction.RENEW)
    verify = actions.add_parser("verify", help="ask every listener for every name what it shows")
    verify.set_defaults(action=CertsAction.VERIFY)
    csr = actions.add_parser("csr", help="print a signing request for an authority; its key stays here")
    _add_name(csr)
    csr.add_argument(
        "--names", default="", help="names it is to be for, with commas; default: those of the configuration"
    )
    csr.add_argument("--rsa", action="store_true", help="an RSA key, for phones that know nothing else")
    csr.set_defaults(certs=_csr)
    bring = actions.add_parser("import", help="take a certificate with its chain, check it, write it into the file")
    bring.add_argument("pem", type=Path, metavar="CERTIFICATE", help="PEM file: the certificate and its chain")
    _add_name(bring)
    bring.add_argument("--key", type=Path, help="PEM file; default: the key of the signing request")
    bring.set_defaults(certs=_import)
    for one in (renew, verify, csr, bring):
        add_json_argument(one)


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default=DEFAULT, help=f"its name in the configuration; default: {DEFAULT}")
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE, help=f"the configuration; default: {DEFAULT_FILE}")


def _ask(arguments: Namespace) -> int:
    return ask_and_tell(arguments, CertsRequest(arguments.action, arguments.name))


def _csr(arguments: Namespace) -> int:
    config, name = load(arguments.file).config, _name(arguments)
    names = _asked(arguments.names, name, config)
    kind = KeyType.RSA if arguments.rsa else KeyType.ECDSA
    request = _requests(arguments).make(name, names, kind).decode()
    if arguments.json:
        print_json({"name": name, "names": list(names), "request": request})
    else:
        print(request, end="")
    return ExitCode.GOOD


def _import(arguments: Namespace) -> int:
    config, name = load(arguments.file).config, _name(arguments)
    key = files.read(arguments.key) if arguments.key else _requests(arguments).key(name)
    chain = paired(files.read(arguments.pem), key, str(arguments.pem))
    if chain.expires < datetime.now(UTC):
        raise UsageError(f"the certificate ran out on {chain.expires:%Y-%m-%d}\n    ask the authority for a new one")
    lacking = [one for one in _configured(name, config) if one not in chain.names and not covers(chain.names, one)]
    folder: Path = arguments.file.absolute().parent / "certificates"
    files.ensure_folder(folder)
    paths = {"certificate": folder / f"{name}.pem", "key": folder / f"{name}.key"}
    files.write(paths["key"], key, mode=KEY_MODE)
    files.write(paths["certificate"], chain.pem)
    text = before = files.read(arguments.file).decode()
    place = f"certificates.{name}" if name == DEFAULT else f"certificates.others.{name}"
    for part, path in paths.items():
        text = set_value(text, f"{place}.{part}", str(path))
    if text != before:
        files.write(arguments.file, text.encode(), mode=arguments.file.stat().st_mode & 0o777)
    _requests(arguments).done(name)
    _tell_imported(arguments, chain.names, lacking, alone=chain.alone)
    return ExitCode.GOOD


def _tell_imported(arguments: Namespace, names: tuple[str, ...], lacking: list[str], *, alone: bool) -> None:
    if arguments.json:
        print_json({"name": arguments.name, "names": list(names), "lacking": lacking, "complete": not alone})
        return
    print(f"certificate {arguments.name} is for {', '.join(names)}")
    if lacking:
        print(f"warning: it is not for {', '.join(lacking[:10])}")
    if alone:
        print("warning: the authority's intermediate certificate is missing, many phones will not trust it")
    print(f"it stands in {arguments.file}; `voxgate apply` shows it to clients")


def _name(arguments: Namespace) -> str:
    return parse_pbx_name(arguments.name)


def _asked(given: str, name: str, config: Config) -> tuple[str, ...]:
    # The model's own check: a wildcard is good, an address is not.
    listed = Certificate.model_validate({"names": [one.strip() for one in given.split(",")]}).names if given else ()
    names = listed or _configured(name, config)
    if not names:
        raise UsageError(f"the configuration gives certificate {name} no names\n    give them: --names a.example.com")
    return names


def _configured(name: str, config: Config) -> tuple[str, ...]:
    section = config.certificates
    wanted = section.default if name == DEFAULT else section.others.get(name)
    return wanted_names(name, wanted or Certificate(), config)


def _requests(arguments: Namespace) -> Requests:
    state: Path = arguments.state_dir
    return Requests(state / "certificates" / "requests")


def _run(arguments: Namespace) -> int:
    try:
        code: int = arguments.certs(arguments)
    except ValueError as error:  # pydantic's and the scalars' own
        raise UsageError(str(error)) from error
    return code


VERB = Verb("certs", "show and handle the certificates", _add_arguments, _run)
