"""Credentials of the admin user were wanted and the admin user is off."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="admin-user-disabled",
    title="Credentials of the admin user were wanted and the admin user is off",
    signatures=(
        Signature(
            id="admin-operation-refused",
            pattern=(
                r"cannot perform credential operations%near%admin user|AdminUserDisabled\b"
                r"|admin (?:user|account|credentials?) (?:must|needs? to|has to|should) be enabled"
                r"|(?:please|kindly) enable (?:the )?admin (?:user|account)"
                r"|requires? (?:the )?(?:container registry's |registry's )?admin (?:user|account)"
            ),
            emitter="ACR control plane, Azure ML control plane",
            names=("admin-user-disabled",),
            accepts=(
                ("Cannot perform credential operations for /subscriptions/1/registries/a as admin user is disabled."),
                "Admin user must be enabled on the container registry of the workspace",
                "Kindly enable admin user as per docs",
            ),
            rejects=(
                "please ensure the ACR has Admin user enabled or a Managed Identity",
                "the admin user logged in",
            ),
        ),
        Signature(
            id="admin-off",
            pattern=(
                r"admin(?:istrator)? (?:user|account|credentials?)(?: \w+){0,3}? (?:is |are )?"
                r"(?:disabled|not (?:currently )?enabled|off\b|turned off)"
                r"|adminUserEnabled%q%\s?[:=]\s?%q%false|does not have (?:the |an )?admin (?:user|account)"
            ),
            emitter="az cli, azd",
            weight=Weight.ECHO,
            ground=Ground.LOOSE,
            names=("admin-user-disabled",),
            accepts=(
                "admin: admin user is not enabled for container registry 'contoso'",
                "Unable to get admin user credentials with message: Admin user is disabled.",
                '"adminUserEnabled": false',
            ),
            rejects=("ensure the ACR has Admin user enabled", "the admin user was created"),
        ),
    ),
)
