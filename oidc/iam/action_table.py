"""The table of actions that change identities, or run code or a template with the rights of another principal.

It has every action of access level *Permissions management*, every write of IAM, and a reviewed list of other writes;
a test compares it with AWS's list of actions. Decision 28 says what it is used for.
"""

from oidc.iam.action_classes import ActionClass as Is
from oidc.iam.action_classes import Row

RHINO = "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"
BISHOP_FOX = "https://github.com/BishopFox/iam-vulnerable"
PATHFINDING = "https://pathfinding.cloud"

ACTION_CLASSES = (
    Row(Is.POLICY, "iam:policy/", "iam:CreatePolicyVersion iam:Set{DefaultPolicyVersion}", RHINO),
    Row(Is.POLICY, "iam:role/", "iam:AttachRolePolicy iam:PutRolePolicy", RHINO, bounded=True),
    Row(Is.POLICY, "iam:user/", "iam:AttachUserPolicy iam:PutUserPolicy", RHINO, bounded=True),
    Row(Is.POLICY, "iam:group/", "iam:AttachGroup{Policy} iam:PutGroup{Policy}", RHINO),
    Row(Is.MEMBER, "iam:group/", "iam:AddUser{ToGroup}", RHINO),
    Row(Is.CREDENTIAL, "iam:user/", "iam:{Create,Update}AccessKey iam:CreateLogin{Profile} iam:UpdateLogin{Profile}",
        RHINO),
    Row(Is.CREDENTIAL, "iam:user/", "iam:{Create,Reset,Update}{ServiceSpecific}Credential iam:UploadSSH{PublicKey}"
        " iam:UpdateSSH{PublicKey} iam:{Update,Upload}SigningCertificate"),
    Row(Is.TRUST, "iam:role/", "iam:UpdateAssume{RolePolicy}", RHINO),
    Row(Is.PASSING, "iam:role/", "iam:PassRole", RHINO),
    Row(Is.ASSUME, "iam:role/", "sts:AssumeRole", BISHOP_FOX),
    Row(Is.CREDENTIAL, "iam:root", "sts:AssumeRoot"),
    Row(Is.BOUNDARY, "iam:role/", "iam:{DeleteRolePermissions,PutRolePermissions}Boundary"),
    Row(Is.BOUNDARY, "iam:user/", "iam:{DeleteUserPermissions,PutUserPermissions}Boundary"),
    Row(Is.TRUST, "iam:oidc-provider/", "iam:{Add}Client{IDToOpenIDConnectProvider} iam:Create{OpenIDConnect}Provider"
        " iam:UpdateOpenID{ConnectProviderThumbprint}"),
    Row(Is.TRUST, "iam:saml-provider/", "iam:Create{SAML}Provider iam:UpdateSAML{Provider}"),
    Row(Is.TRUST, "iam:delegation-request/", "iam:Accept{DelegationRequest} iam:Send{DelegationToken}"),
    Row(Is.TRUST, "", "rolesanywhere:Create{Profile,TrustAnchor}"),
    Row(Is.TRUST, "rolesanywhere:profile/", "rolesanywhere:{Delete,Put}{Attribute}Mapping"
        " rolesanywhere:Update{Profile} rolesanywhere:EnableProfile"),
    Row(Is.TRUST, "rolesanywhere:trust-anchor/", "rolesanywhere:Update{TrustAnchor} rolesanywhere:EnableTrust{Anchor}"),
    Row(Is.TRUST, "rolesanywhere:crl/", "rolesanywhere:DeleteCrl rolesanywhere:DisableCrl rolesanywhere:Update{Crl}"),
    Row(Is.TRUST, "", "cognito-identity:Set{IdentityPoolRoles,PrincipalTagAttributeMap}"),
    Row(Is.TRUST, "cognito-identity:identitypool/", "cognito-identity:Update{IdentityPool}"),
    Row(Is.TRUST, "eks:access-entry/", "eks:AssociateAccess{Policy} eks:UpdateAccess{Entry}"),
    Row(Is.TRUST, "eks:cluster/", "eks:CreateAccess{Entry} eks:AssociateIdentity{ProviderConfig}"
        " eks:CreatePod{IdentityAssociation}"),
    Row(Is.TRUST, "eks:podidentityassociation/", "eks:UpdatePod{IdentityAssociation}"),

    # Letters where no action of reading begins with them: every letter counts in a document.
    Row(Is.ORGANIZATION, "", "organizations:{A,C,Decline,Delete,Deregister,Detach,Disable,E,I,Leave,M,P,R,Terminate}*"
        " organizations:Update* sso:{A,C,Delete,Detach,Disassociate,I,P,R,Start,Update}*"
        " identitystore:{A,C,Delete,R,U}*"
        " sso-directory:{A,C,Delete,Disable,E,Import,R,Start,U,V}*"),
    Row(Is.ORGANIZATION, "", "account:{Accept,Start}PrimaryEmailUpdate iam:UpdateAccount{EmailAddress}"
        " iam:{Enable,Disable}{Organizations}Root{CredentialsManagement,Sessions}"),
    Row(Is.MANAGEMENT, "", "identity-sync:{Create,Delete,Start,Stop,Update}* mpa:{Cancel,Create,Delete,Put,Start"
        ",Update}* controltower:{Create,Delete,Deregister,Disable,Enable,Manage,Reset,Setup,Update}*"),

    Row(Is.CODE, "lambda:function:", "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration", PATHFINDING),
    Row(Is.CODE, "ec2:instance/", "ssm:SendCommand", PATHFINDING),
    Row(Is.SHELL, "ec2:instance/", "ssm:StartSession ec2-instance-connect:SendSSHPublicKey"
        " ec2-instance-connect:SendSerialConsoleSSHPublicKey ssm:StartAccessRequest", PATHFINDING),
    Row(Is.SHELL, "glue:devEndpoint/", "glue:UpdateDevEndpoint", RHINO),
    Row(Is.SHELL, "sagemaker:notebook-instance/", "sagemaker:CreatePresignedNotebookInstanceUrl", PATHFINDING),
    Row(Is.CODE, "cloudformation:stack/", "cloudformation:UpdateStack cloudformation:{Create,Execute}ChangeSet"
        " cloudformation:{Create,Execute}StackRefactor", PATHFINDING),
    Row(Is.CODE, "cloudformation:stackset/", "cloudformation:{Create,Update}StackInstances"
        " cloudformation:UpdateStackSet cloudformation:ImportStacksToStackSet"),
    Row(Is.CODE, "", "cloudformation:ActivateType cloudformation:SetTypeConfiguration"
        " cloudformation:SetTypeDefaultVersion"),
    Row(Is.CODE, "codebuild:project/", "codebuild:StartBuild codebuild:StartBuildBatch codebuild:UpdateProject",
        PATHFINDING),
    Row(Is.CODE, "codedeploy:deploymentgroup:", "codedeploy:CreateDeployment", PATHFINDING),
    Row(Is.CODE, "ecs:task/", "ecs:ExecuteCommand", PATHFINDING),
    Row(Is.CODE, "glue:job/", "glue:UpdateJob glue:UpdateJobFromSourceControl glue:StartJobRun", PATHFINDING),
    Row(Is.CODE, "states:stateMachine:", "states:UpdateStateMachine"),
    Row(Is.CODE, "apprunner:service/", "apprunner:UpdateService", PATHFINDING),
    Row(Is.CODE, "batch:job-definition/", "batch:SubmitJob", PATHFINDING),
    Row(Is.CODE, "ec2:instance/", "ec2:ModifyInstanceAttribute ec2:CreateReplaceRootVolumeTask", PATHFINDING),
    Row(Is.CODE, "ec2:launch-template/", "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate", PATHFINDING),
    Row(Is.CODE, "sagemaker:notebook-instance/", "sagemaker:UpdateNotebookInstance", PATHFINDING),
    Row(Is.CODE, "sagemaker:notebook-instance-lifecycle-config/",
        "sagemaker:{Create,Update}NotebookInstanceLifecycleConfig", PATHFINDING),
    Row(Is.CODE, "sagemaker:pipeline/", "sagemaker:UpdatePipeline"),
    Row(Is.CODE, "elasticmapreduce:cluster/", "elasticmapreduce:AddJobFlowSteps"),
    Row(Is.CODE, "emr-containers:/virtualclusters/", "emr-containers:StartJobRun"),
    Row(Is.CODE, "elasticbeanstalk:environment/", "elasticbeanstalk:UpdateEnvironment"),
    Row(Is.CODE, "ssm:association/", "ssm:CreateAssociation ssm:UpdateAssociation"),
    Row(Is.CODE, "ssm:document/", "ssm:UpdateDocument ssm:UpdateDocumentDefaultVersion ssm:CreateAssociationBatch"),
    Row(Is.CODE, "ssm:maintenancewindow/", "ssm:RegisterTaskWithMaintenanceWindow ssm:UpdateMaintenanceWindowTask"),
    Row(Is.CODE, "catalog:product/", "servicecatalog:ProvisionProduct servicecatalog:CreateProvisioningArtifact"),
    Row(Is.CODE, "", "servicecatalog:UpdateProvisionedProduct servicecatalog:ExecuteProvisionedProductPlan"
        " servicecatalog:ExecuteProvisionedProductServiceAction"),
    Row(Is.CODE, "catalog:portfolio/", "servicecatalog:AssociatePrincipalWithPortfolio"),
    Row(Is.CODE, "proton:service-template/", "proton:{Create,Update}ServiceTemplateVersion"),
    Row(Is.CODE, "proton:environment-template/", "proton:{Create,Update}EnvironmentTemplateVersion"),
    Row(Is.CODE, "amplify:apps/", "amplify:UpdateApp amplify:UpdateBranch"),
    Row(Is.CODE, "synthetics:canary:", "synthetics:UpdateCanary"),
    Row(Is.CODE, "kinesisanalytics:application/", "kinesisanalytics:UpdateApplication"),
    Row(Is.CODE, "datapipeline:pipeline/", "datapipeline:PutPipelineDefinition", RHINO),
    Row(Is.CODE, "greengrass:/greengrass/groups/", "greengrass:CreateDeployment"),
    Row(Is.CODE, "iot:thing/", "iot:CreateJob"),
    Row(Is.CODE, "bedrock:agent/", "bedrock:UpdateAgentActionGroup"),
    Row(Is.CODE, "bedrock-agentcore:runtime/", "bedrock-agentcore:UpdateAgentRuntime"),
    Row(Is.CODE, "deadline:farm/", "deadline:CreateJob"),
    Row(Is.CODE, "config:remediation-configuration/", "config:PutRemediationConfigurations"),
    Row(Is.CODE, "fis:experiment-template/", "fis:UpdateExperimentTemplate"),
    Row(Is.CODE, "airflow:environment/", "airflow:UpdateEnvironment"),
    Row(Is.CODE, "airflow-serverless:workflow/", "airflow-serverless:UpdateWorkflow"),
    Row(Is.CODE, "lambda:microvm-image:", "lambda:UpdateMicrovmImage lambda:RunMicrovm"),

    Row(Is.SHELL, "ec2:instance-connect-endpoint/", "ec2-instance-connect:OpenTunnel"),
    Row(Is.SHELL, "ssm:session/", "ssm:ResumeSession"),
    Row(Is.SHELL, "", "ssm-guiconnect:StartConnection lambda:ConnectMicrovm datazone:GetIamPortalLoginUrl"
        " glue:{GlueNotebookAuthorize,GlueNotebookRefreshCredentials,RunDataPreviewStatement,StartNotebook}"),
    Row(Is.SHELL, "bedrock-agentcore:runtime/", "bedrock-agentcore:InvokeAgentRuntimeCommand{,Shell}", PATHFINDING),
    Row(Is.SHELL, "bedrock-agentcore:code-interpreter-custom/",
        "bedrock-agentcore:{StartCodeInterpreterSession,InvokeCodeInterpreter}", PATHFINDING),
    Row(Is.SHELL, "bedrock-agentcore:browser-custom/", "bedrock-agentcore:StartBrowserSession", PATHFINDING),
    Row(Is.SHELL, "codebuild:project/", "codebuild:StartSandbox"),
    Row(Is.SHELL, "codebuild:sandbox/", "codebuild:StartSandboxConnection codebuild:StartCommandExecution"),
    Row(Is.SHELL, "codepipeline:actiontype:", "codepipeline:PollForJobs"),
    Row(Is.SHELL, "glue:session/", "glue:RunStatement"),
    Row(Is.SHELL, "sagemaker:user-profile/", "sagemaker:CreatePresignedDomainUrl"),
    Row(Is.SHELL, "sagemaker:mlflow-tracking-server/", "sagemaker:CreatePresignedMlflowTrackingServerUrl"),
    Row(Is.SHELL, "sagemaker:space/", "sagemaker:StartSession"),
    Row(Is.SHELL, "airflow:environment/", "airflow:CreateCliToken"),
    Row(Is.SHELL, "airflow:role/", "airflow:CreateWebLoginToken airflow:InvokeRestApi"),
    Row(Is.SHELL, "athena:workgroup/", "athena:CreatePresignedNotebookUrl"),
    Row(Is.SHELL, "cloud9:environment:", "cloud9:{Create,Update}EnvironmentMembership"
        " cloud9:ModifyTemporaryCredentialsOnEnvironmentEC2"),
    Row(Is.SHELL, "deadline:farm/", "deadline:Assume{FleetRoleForRead,FleetRoleForWorker,QueueRoleForRead"
        ",QueueRoleForUser,QueueRoleForWorker}"),
    Row(Is.SHELL, "elasticmapreduce:cluster/", "elasticmapreduce:{GetClusterSessionCredentials,StartSession"
        ",GetSessionEndpoint}"),
    Row(Is.SHELL, "elasticmapreduce:editor/", "elasticmapreduce:{AttachEditor,OpenEditorInConsole}"),
    Row(Is.SHELL, "elasticmapreduce:studio/", "elasticmapreduce:CreateStudioPresignedUrl"),
    Row(Is.SHELL, "emr-containers:/virtualclusters/", "emr-containers:GetManagedEndpointSessionCredentials"),
    Row(Is.SHELL, "emr-serverless:/applications/", "emr-serverless:{AccessInteractiveEndpoints,AccessLivyEndpoints"
        ",StartSession}"),
    Row(Is.SHELL, "ecs:container-instance/", "ecs:StartTelemetrySession"),
    Row(Is.SHELL, "lambda:microvm-image:", "lambda:{CreateMicrovmAuthToken,CreateMicrovmShellAuthToken}"),

    Row(Is.RUNNER, "", "lambda:CreateFunction ec2:RunInstances cloudformation:CreateStack ecs:RunTask"
        " glue:CreateDevEndpoint glue:CreateJob sagemaker:{CreateNotebookInstance,CreateTrainingJob}"
        " codebuild:CreateProject datapipeline:CreatePipeline states:CreateStateMachine"
        " ssm:StartAutomationExecution", RHINO),
    Row(Is.RUNNER, "", "ec2:{AssociateIamInstanceProfile,ReplaceIamInstanceProfileAssociation,RequestSpotInstances"
        ",RequestSpotFleet,CreateFleet,CreateLaunchTemplate} ecs:{RegisterTaskDefinition,StartTask,CreateService"
        ",UpdateService,CreateExpressGatewayService,CreateDaemon,CreateTaskSet,RegisterContainerInstance}"
        " glue:{CreateSession,CreateTrigger} apprunner:CreateService batch:RegisterJobDefinition braket:CreateJob"
        " sagemaker:{CreateProcessingJob,CreatePipeline,CreateUserProfile,CreateDomain,UpdateDomain,UpdateUserProfile"
        ",CreateModel,CreateAutoMLJob,CreateHyperParameterTuningJob} cognito-identity:CreateIdentityPool"
        " elasticmapreduce:{RunJobFlow,AddInstanceGroups,StartNotebookExecution} gamelift:CreateFleet"
        " imagebuilder:{CreateImage,CreateInfrastructureConfiguration,UpdateInfrastructureConfiguration}"
        " kinesisanalytics:CreateApplication lambda:{CreateMicrovmImage,CreateWebFunction} omics:{CreateRunGroup"
        ",StartRun} emr-serverless:StartJobRun bedrock-agentcore:{CreateAgentRuntime,CreateCodeInterpreter"
        ",CreateBrowser,CreateHarness} bedrock:{CreateAgent,UpdateAgent} cloudformation:CreateStackSet", PATHFINDING),
    Row(Is.RUNNER, "", "autoscaling:{CreateAutoScalingGroup,CreateLaunchConfiguration,UpdateAutoScalingGroup}"
        " cloudformation:{RegisterType,CreateResource,UpdateResource} codepipeline:{CreatePipeline,UpdatePipeline}"
        " codedeploy:CreateDeploymentGroup batch:CreateComputeEnvironment elasticbeanstalk:CreateEnvironment"
        " airflow:CreateEnvironment airflow-serverless:CreateWorkflow events:{PutRule,PutTargets}"
        " scheduler:{CreateSchedule,UpdateSchedule} pipes:{CreatePipe,UpdatePipe} synthetics:CreateCanary"
        " fis:CreateExperimentTemplate greengrass:{AssociateRoleToGroup,AssociateServiceRoleToAccount}"
        " eks:{CreateCluster,CreateNodegroup,CreateFargateProfile,CreateAddon,UpdateAddon,CreateCapability}"
        " iot:{CreateRoleAlias,UpdateRoleAlias,CreateTopicRule,ReplaceTopicRule} ssm:{CreateActivation"
        ",StartChangeRequestExecution,UpdateManagedInstanceRole} redshift:ModifyClusterIamRoles"
        " rds:AddRoleToDB{Instance,Cluster}"
        " servicecatalog:{CreateConstraint,UpdateConstraint} amplify:CreateApp evs:CreateEnvironment"
        " transfer:{CreateUser,UpdateUser,CreateServer} s3:{CreateAccessGrantsLocation,UpdateAccessGrantsLocation}"
        " lakeformation:RegisterResource"),

    Row(Is.LOCKOUT, "iam:role/", "iam:DeleteRolePolicy iam:DetachRolePolicy", bounded=True),
    Row(Is.LOCKOUT, "iam:user/", "iam:DeleteUserPolicy iam:DetachUserPolicy", bounded=True),
    Row(Is.LOCKOUT, "iam:group/", "iam:DeleteGroupPolicy iam:DetachGroup{Policy} iam:RemoveUser{FromGroup}"
        " iam:UpdateGroup"),
    Row(Is.LOCKOUT, "iam:oidc-provider/", "iam:Delete{OpenIDConnect}Provider"
        " iam:{Remove}Client{IDFromOpenIDConnectProvider}"),
    Row(Is.LOCKOUT, "iam:saml-provider/", "iam:Delete{SAML}Provider"),
    Row(Is.LOCKOUT, "iam:user/", "iam:UpdateUser iam:{Delete}AccessKey iam:DeleteLogin{Profile}"
        " iam:DeleteSSH{PublicKey} iam:{Delete}{ServiceSpecific}Credential iam:{Delete}SigningCertificate"
        " iam:EnableMFA{Device} iam:Resync{MFADevice} iam:Deactivate{MFADevice}"),
    Row(Is.LOCKOUT, "iam:mfa/", "iam:{Create,Delete}VirtualMFADevice"),
    Row(Is.LOCKOUT, "", "rolesanywhere:Delete{Profile,TrustAnchor} rolesanywhere:Disable{Profile,TrustAnchor}"
        " rolesanywhere:EnableCrl rolesanywhere:Import{Crl} eks:DeleteAccess{Entry} eks:DeletePod{IdentityAssociation}"
        " eks:DisassociateAccess{Policy} eks:DisassociateIdentity{ProviderConfig}"),

    Row(Is.IDENTITY, "iam:role/", "iam:CreateRole", bounded=True),
    Row(Is.IDENTITY, "iam:user/", "iam:CreateUser", bounded=True),
    Row(Is.IDENTITY, "iam:role/", "iam:DeleteRole iam:UpdateRole"),
    Row(Is.IDENTITY, "iam:user/", "iam:DeleteUser"),
    Row(Is.IDENTITY, "iam:group/", "iam:{Create,Delete}Group"),
    Row(Is.IDENTITY, "iam:policy/", "iam:CreatePolicy iam:DeletePolicy iam:DeletePolicyVersion"),
    Row(Is.IDENTITY, "iam:instance-profile/", "iam:{Create,Delete}InstanceProfile iam:AddRoleToInstanceProfile"
        " iam:RemoveRoleFromInstanceProfile"),
    Row(Is.TAG, "iam:role/", "iam:{Tag,Untag}Role"),
    Row(Is.TAG, "iam:user/", "iam:{Tag,Untag}User"),
    Row(Is.TAG, "", "organizations:{Tag,Untag}Resource sso:{Tag,Untag}Resource"),
    Row(Is.SETTING, "", "iam:{Create,Delete}{Account}Alias iam:DeleteAccount{PasswordPolicy}"
        " iam:UpdateAccount{PasswordPolicy,Name} iam:PutAccount{Properties}"
        " iam:{Enable,Disable}{OutboundWebIdentity}Federation account:{Close,Reopen}Account"
        " iam:Set{SecurityTokenServicePreferences,STSRegionalEndpointStatus}"
        " account:{Disable,Enable}Region account:Delete{AlternateContact}"
        " account:Put{AccountName,AlternateContact,ContactInformation} account:{Send}Phone{NumberVerification}"
        " account:{Verify}Phone{Number} signin:Delete{ConsoleAuthorizationConfiguration,ResourcePermissionStatement}"
        " signin:Put{ConsoleAuthorizationConfiguration,ResourcePermissionStatement}"),
    Row(Is.STACK, "cloudformation:stack/", "cloudformation:{CancelUpdate,Delete,Rollback}Stack"
        " cloudformation:ContinueUpdateRollback cloudformation:DeleteChangeSet cloudformation:RecordHandlerProgress"
        " cloudformation:SetStackPolicy cloudformation:SignalResource cloudformation:{Tag,Untag}Resource"
        " cloudformation:UpdateTerminationProtection"),
    Row(Is.OTHER, "iam:role/", "iam:UpdateRoleDescription iam:{Create,Delete}ServiceLinkedRole"),
    Row(Is.OTHER, "iam:policy/", "iam:{Tag,Untag}Policy"),
    Row(Is.OTHER, "iam:oidc-provider/", "iam:{Tag,Untag}OpenIDConnectProvider"),
    Row(Is.OTHER, "iam:saml-provider/", "iam:{Tag,Untag}SAMLProvider"),
    Row(Is.OTHER, "iam:instance-profile/", "iam:{Tag,Untag}InstanceProfile"),
    Row(Is.OTHER, "iam:mfa/", "iam:{Tag,Untag}MFADevice"),
    Row(Is.OTHER, "iam:user/", "iam:ChangePassword"),
    Row(Is.OTHER, "iam:delegation-request/", "iam:{Associate,Create,Reject}DelegationRequest"),
    Row(Is.OTHER, "iam:server-certificate/", "iam:{Delete,Tag,Untag,Update,Upload}ServerCertificate"),
    Row(Is.OTHER, "", "iam:{Delete,Update,Upload}CloudFrontPublicKey"),
    Row(Is.DATA, "",
        "*:*Policy *:*Policies *:*Permission *:*Permissions *:*Acl *:*Grant* *:*PublicAccess* *:*Share *:*WebACL"
        " redshift:*Access elasticmapreduce:*WorkspaceAccess *:PutAccessPointPolicy* *:DeleteAccessPointPolicy*"
        " *:*AccessPointScope *:*VaultLock apigateway:*AccessAssociation cloudwatch:*AccessProfile"
        " ec2:*SnapshotAttribute iot:*PolicyVersion iot:SetDefaultAuthorizer lakeformation:PutDataLakeSettings"
        " lambda:*Replication rds-db:connect"
        " redshift:{GetClusterCredentials,GetClusterCredentialsWithIAM,CreateClusterUser,JoinGroup}"
        " dynamodb:UpdateAbacStatus redshift-serverless:GetCredentials"
        " s3:{BypassGovernanceRetention,ObjectOwnerOverrideToBucketOwner} s3:PutBucketOwnershipControls"
        " sns:SetTopicAttributes sqs:SetQueueAttributes cognito-idp:AdminAddUserToGroup"
        " backup:{ListIndexedRecoveryPointsForSearch,SearchRecoveryPoint} entityresolution:Use*"
        " entityresolution:*Statement vpc-lattice:{AssociateViaAWSService,CreateServiceNetworkVpcEndpointAssociation}"
        " vpc-lattice:AssociateViaAWSService-EventsAndStates"),
    Row(Is.OTHER, "",
        "*:AllowVendedLogDeliveryForResource *:*Organization apigateway:*Certificate*"
        " bedrock-agentcore:{AuthorizeAction,InvokeGateway,InvokeWebSearch,PartiallyAuthorizeActions}"
        " bedrock-agentcore:SynchronizeGatewayTargets datazone:RevokeSubscription deadline:*Member* ds:AccessDSData"
        " networkmanager:StartOrganizationServiceAccessUpdate ec2:*Appliance* ec2:*PlacementGroup"
        " ec2:*OdbNetworkPeering fsx:BypassSnaplockEnterpriseRetention fsx:ManageBackupPrincipalAssociations"
        " glue:{BatchGet,Deregister,Describe,Get,List,Managed,Refresh,Request,Send,Terminate,Test,Use}*"
        " iotfleetwise:GenerateCommandPayload license-manager:UpdateServiceSettings"
        " managedblockchain:{GET,Invoke,POST} monitron:{Associate,Create,Delete,Disassociate,List}*"
        " opensearch:{ApplicationAccessAll,ViewLoginPage} opsworks:UpdateUserProfile"
        " rds:AuthorizeDBSecurityGroupIngress"
        " ses:{ApplyTrackingConfigurationOverrides,ReplicateEmailIdentityDkimSigningKey} ssm-contacts:AssociateContact"
        " xray:PutEncryptionConfig"),
)  # fmt: skip
"""In the order in which a finding looks for a way."""


def rows(*groups: Is, resource: str | None = None) -> tuple[Row, ...]:
    """Return the rows of some classes, or of all, in the table's order; on one kind of resource if given."""
    return tuple(
        row
        for row in ACTION_CLASSES
        if (not groups or row.group in groups) and (resource is None or row.resource == resource)
    )
